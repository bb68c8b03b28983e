package report

import (
	"holdfast/perf/load"
	"holdfast/perf/table"
)

// section is the text and the charts for a workload.
type section struct {
	workload, heading string
	about             string // what the servers did
	charts            []barChart
}

// sectionOf returns the section of a workload. An unknown workload has only its name as
// the heading.
func sectionOf(workload string) section {
	for _, s := range sections {
		if s.workload == workload {
			return s
		}
	}
	return section{heading: workload}
}

// sections lists the known workloads.
var sections = []section{
	{
		workload: "submit", heading: "Submit: networking alone",
		about: "The server answers each request with 14 bytes and does no business work, so only networking is left: " +
			"reading, finding the frames, routing, writing. CPU for one request is the figure to compare; " +
			"the rate follows from it unless the generator is the limit.",
		charts: []barChart{
			{
				file: "submit-cpu.svg", metric: load.MetricCPU, log: true, relativeTo: toReference, format: table.Ratio,
				title: "CPU for one Submit, %s = 1", axis: "server CPU per request, %s = 1",
				caption: "Shorter is cheaper; bars left of 1 are cheaper than the reference. The axis is logarithmic. Panels are connections x depth. " +
					"At depth 1 every request costs a read and a write; at greater depths one read brings several requests " +
					"and one write answers them.",
			},
			{
				file: "submit-rate.svg", metric: load.MetricRate, log: true, relativeTo: toBaseline, format: table.Ratio,
				title: "Submits answered by one core, %s = 1", axis: "requests/s, %s = 1",
				caption: "Longer is faster; the axis is logarithmic. Panels are connections x depth.",
			},
		},
	},
	{
		workload: "orders", heading: "Durable orders",
		about: "Every connection logs in to its own account, then buys and sells one share in turn. The reply and " +
			"two pushes leave when the order is on disk. `readwriter-sql` is the former design, which this product replaces: " +
			"reader and writer goroutine, ten workers, one SQL transaction for each order. The others differ from " +
			"`reactor` only in their carrier: same accounts, same journal with group commit.",
		charts: []barChart{
			{
				file: "orders-rate.svg", metric: load.MetricRate, log: true, format: table.Count,
				title: "Durable orders a second", axis: "orders/s",
				caption: "Every order is on disk before it is answered. Longer is faster; the axis is logarithmic. One SQL transaction for each order " +
					"waits for the disk each time; with group commit orders that wait at the same time share one fsync.",
			},
		},
	},
	{
		workload: "positions", heading: "Lists of positions",
		about: "Every connection logs in and asks for its list of positions over and over: reads that have nothing to " +
			"make durable, and replies longer than the requests.",
		charts: []barChart{
			{
				file: "positions-cpu.svg", metric: load.MetricCPU, relativeTo: toReference, format: table.Ratio,
				title: "CPU for a list of positions, %s = 1", axis: "server CPU per request, %s = 1",
				caption: "Shorter is cheaper. All servers do the same business work, which makes the difference between the carriers look smaller.",
			},
		},
	},
	{
		workload: "push", heading: "Pushes",
		about: "Several sessions are logged in to each account; one of them trades, and all of them get the events " +
			"as pushes. The figures to compare are pushes a second and CPU for each.",
		charts: []barChart{
			{
				file: "push-rate.svg", metric: load.MetricPushes, format: table.Count,
				title: "Pushes delivered a second", axis: "pushes/s",
				caption: "Longer is faster. One session of each account trades, all of its sessions get the pushes.",
			},
		},
	},
	{
		workload: "idle", heading: "Memory of an idle connection",
		about: "Resident memory of a connection that has sent one Submit, without login, which the libraries do not have. " +
			"It does not include kernel buffers.",
		charts: []barChart{
			{
				file: "idle-memory.svg", metric: load.MetricIdle, log: true, format: table.Count,
				title: "Resident memory of an idle connection", axis: "bytes",
				caption: "Shorter is better; the axis is logarithmic. After one Submit, without login and kernel buffers.",
			},
		},
	},
	{
		workload: "idle-login", heading: "Memory of an idle session",
		about: "The same after a login: the cost of a session that waits for pushes.",
		charts: []barChart{
			{
				file: "idle-login-memory.svg", metric: load.MetricIdle, format: table.Count,
				title: "Resident memory of an idle session that is logged in", axis: "bytes",
				caption: "Shorter is better.",
			},
		},
	},
	{
		workload: "dialects-submit", heading: "Dialects: Submit",
		about: "Submit as above, over each dialect of the same server. A WebSocket message is masked by the client and has a header " +
			"of 2 or 4 bytes; in JSON the body is Base64 in a text message, which the server parses.",
		charts: []barChart{
			{
				file: "dialects-submit-cpu.svg", metric: load.MetricCPU, relativeTo: toReference, format: table.Ratio,
				title: "CPU for one Submit by dialect, %s = 1", axis: "server CPU per request, %s = 1",
				caption: "Shorter is cheaper. Panels are connections x depth. `reactor` is the packet dialect.",
			},
		},
	},
	{
		workload: "dialects-orders", heading: "Dialects: durable orders",
		about: "Orders as above, over each dialect of the same server: the reply and two pushes for each order have the dialect's encoding.",
		charts: []barChart{
			{
				file: "dialects-orders-rate.svg", metric: load.MetricRate, log: true, format: table.Count,
				title: "Durable orders a second by dialect", axis: "orders/s",
				caption: "Longer is faster; the axis is logarithmic. `reactor` is the packet dialect.",
			},
		},
	},
	{
		workload: "fix-orders", heading: "FIX: durable orders",
		about: "An order over FIX is a NewOrderSingle, and its reply an ExecutionReport; over the packet dialect (`reactor`) it is a request, " +
			"a reply and two pushes. Of this product the figures are of durable orders. `quickfix` and `quickfix-memory` answer each order with " +
			"a report and do no other work: the first writes it to a file and never calls fsync, the second keeps it in memory.",
		charts: []barChart{
			{
				file: "fix-orders-rate.svg", metric: load.MetricRate, log: true, format: table.Count,
				title: "Orders a second over FIX", axis: "orders/s",
				caption: "Longer is faster; the axis is logarithmic. Panels are connections x depth. `reactor` is the packet dialect.",
			},
			{
				file: "fix-orders-p50.svg", metric: load.MetricP50, log: true, format: table.Latency,
				title: "Time from order to report over FIX", axis: "median",
				caption: "Shorter is better; the axis is logarithmic. `reactor` is the packet dialect.",
			},
		},
	},
	{
		workload: "fix-idle-login", heading: "FIX: memory of an idle session",
		about: "Resident memory of a FIX session that exchanges heartbeats, and of a session over the packet dialect.",
		charts: []barChart{
			{
				file: "fix-idle-login-memory.svg", metric: load.MetricIdle, format: table.Count,
				title: "Resident memory of an idle FIX session", axis: "bytes",
				caption: "Shorter is better. `reactor` is the packet dialect.",
			},
		},
	},
	{
		workload: "websocket-submit", heading: "WebSocket: one message and its answer",
		about: "Binary messages. The reactor answers Submit with 10 bytes; the libraries send back the message, which has 73. " +
			"They do no other work.",
		charts: []barChart{
			{
				file: "websocket-submit-cpu.svg", metric: load.MetricCPU, log: true, relativeTo: toReference, format: table.Ratio,
				title: "CPU for one WebSocket message, %s = 1", axis: "server CPU per message, %s = 1",
				caption: "Shorter is cheaper; the axis is logarithmic. Panels are connections x depth.",
			},
		},
	},
	{
		workload: "websocket-idle", heading: "WebSocket: memory of an idle connection",
		about: "Resident memory of a WebSocket connection that has sent one message, without login and kernel buffers.",
		charts: []barChart{
			{
				file: "websocket-idle-memory.svg", metric: load.MetricIdle, log: true, format: table.Count,
				title: "Resident memory of an idle WebSocket connection", axis: "bytes",
				caption: "Shorter is better; the axis is logarithmic. After one message, without login and kernel buffers.",
			},
		},
	},
	{
		workload: "websocket-idle-login", heading: "Dialects: memory of an idle session",
		about: "Resident memory of a session that is logged in, over each dialect of the same server.",
		charts: []barChart{
			{
				file: "websocket-idle-login-memory.svg", metric: load.MetricIdle, format: table.Count,
				title: "Resident memory of an idle session by dialect", axis: "bytes",
				caption: "Shorter is better. `reactor` is the packet dialect.",
			},
		},
	},
	{
		workload: "websocket-half-open", heading: "WebSocket: memory of a half-open handshake",
		about: "Resident memory of a client that has sent half of its handshake and nothing more. The reactor normally closes it " +
			"after `--handshake-time`; here that limit is longer than the run.",
		charts: []barChart{
			{
				file: "websocket-half-open-memory.svg", metric: load.MetricIdle, log: true, format: table.Count,
				title: "Resident memory of a half-open WebSocket handshake", axis: "bytes",
				caption: "Shorter is better; the axis is logarithmic.",
			},
		},
	},
	{
		workload: "chat", heading: "Chat",
		about: "Each client sends its messages on a fixed schedule, and all clients get each message; every delivery is checked. " +
			"Latency is from the moment when the message was due until one client has it. All servers run the same chat and " +
			"differ only in their carrier. `readwriter` writes each message separately, `coalescing` all that wait " +
			"for a client at once. A server that delivers less than the others has lost clients or falls behind: see the notes.",
		charts: []barChart{
			{
				file: "chat-cpu.svg", metric: load.MetricCPUPerPush, relativeTo: toReference, format: table.Ratio,
				title: "CPU for a delivery in the chat, %s = 1", axis: "server CPU per delivery, %s = 1",
				caption: "Shorter is cheaper.",
			},
			{
				file: "chat-p99.svg", metric: load.MetricP99, log: true, format: table.Latency,
				title: "99th percentile of the delivery time in the chat", axis: "time since the message was due",
				caption: "Shorter is better; the axis is logarithmic.",
			},
		},
	},
	{
		workload: "chat-websocket", heading: "Chat over WebSocket",
		about: "The same over binary WebSocket messages. The reactor sends a ChatMessage with room, sender, address and time to " +
			"sessions that are logged in, and answers the sender; the libraries send the bytes of the message to all, and nothing else.",
		charts: []barChart{
			{
				file: "chat-websocket-cpu.svg", metric: load.MetricCPUPerPush, relativeTo: toReference, format: table.Ratio,
				title: "CPU for a delivery in the WebSocket chat, %s = 1", axis: "server CPU per delivery, %s = 1",
				caption: "Shorter is cheaper.",
			},
		},
	},
	{
		workload: "broadcast", heading: "Broadcast of quotes",
		about: "All sessions subscribe to the quotes; five prices a second move. Latency is from the time of a quote until the last " +
			"session has it. There are few quotes in a run, so the p99 is in effect the longest.",
		charts: []barChart{
			{
				file: "broadcast-p50.svg", metric: load.MetricP50, format: table.Latency,
				title: "Time until the last session has a quote", axis: "median time since the quote was made",
				caption: "Shorter is better. `reactor-mixed` has binary messages on half of the connections and JSON on the others.",
			},
		},
	},
}
