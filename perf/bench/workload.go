package bench

import (
	"fmt"
	"slices"

	"holdfast/perf/load"
)

// workload is one comparison of Compare.
type workload struct {
	name  string        // in tables and files
	group string        // in Options.Workloads; empty: the name
	load  load.Workload // what the connections do
	// servers that can take part; the first of them that runs is the reference.
	servers []string
	// idle: only with the largest number of connections; depth does not apply.
	idle bool
	// most limits the number of connections; 0: no limit.
	most int
	// logsIn: the connections log in, if the workload does not decide that itself.
	logsIn bool
	// messages: a cell for each of these numbers of chat messages that each of at most
	// chatClients connections sends a second.
	messages []int
}

// chatClients is the number of clients in a chat, if Options.Connections allows it.
const chatClients = 2000

// baseline is the second reference: the carrier that the reactor replaces.
const baseline = "readwriter"

func comparisons() []workload {
	goroutines := []string{"textbook", "buffered", "pooled", "readwriter"}
	libraries := slices.Concat([]string{cPeer, "gnet"}, goPeers())
	ours := slices.Concat([]string{"reactor"}, goroutines)
	dialects := []string{"reactor", "reactor-tlv", "reactor-websocket", "reactor-json"}
	fix := []string{"reactor-fix", "reactor", quickFIX, quickFIXMemory}
	webSockets := slices.Concat([]string{"reactor-websocket"}, webPeers())
	return []workload{
		{name: "submit", load: load.Submit, servers: slices.Concat(libraries, []string{"reactor", "reactor-loop"}, goroutines)},
		{name: "orders", load: load.Orders, servers: append(slices.Clone(ours), "readwriter-sql"), logsIn: true},
		{name: "positions", load: load.Positions, servers: ours, logsIn: true},
		{name: "push", load: load.Push, servers: ours, logsIn: true},
		{name: "idle", load: load.Idle, servers: slices.Concat(libraries, ours), idle: true},
		{name: "idle-login", group: "idle", load: load.Idle, servers: ours, idle: true, logsIn: true},
		{name: "dialects-submit", group: "dialects", load: load.Submit, servers: dialects},
		{name: "dialects-orders", group: "dialects", load: load.Orders, servers: dialects, logsIn: true},
		{name: "fix-orders", group: "fix", load: load.Orders, servers: fix, logsIn: true, most: quickFIXSessions},
		{name: "fix-idle-login", group: "fix", load: load.Idle, servers: fix[:2], idle: true, logsIn: true},
		{name: "websocket-submit", group: "websocket", load: load.Submit, servers: webSockets},
		{name: "websocket-idle", group: "websocket", load: load.Idle, servers: webSockets, idle: true},
		{name: "websocket-idle-login", group: "websocket", load: load.Idle, servers: dialects, idle: true, logsIn: true},
		{name: "websocket-half-open", group: "websocket", load: load.HalfOpen, servers: webSockets, idle: true},
		{name: "chat", load: load.Chat, servers: prefixed(chatPrefix, "reactor", "readwriter", "coalescing"), messages: []int{1, 2, 4}},
		{name: "chat-websocket", group: "chat", load: load.Chat, servers: webSockets, logsIn: true, messages: []int{1, 2}},
		{
			name: "broadcast", load: load.Broadcast, idle: true, logsIn: true,
			servers: prefixed(quotesPrefix, "reactor", "reactor-websocket", "reactor-mixed"),
		},
	}
}

func prefixed(prefix string, names ...string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// Workloads lists what Options.Workloads may hold. Some are several comparisons.
func Workloads() (names []string) {
	for _, w := range comparisons() {
		if w.group == "" {
			w.group = w.name
		}
		if !slices.Contains(names, w.group) {
			names = append(names, w.group)
		}
	}
	return names
}

// ResponseWorkloads lists what Options.Workload may be.
func ResponseWorkloads() []string { return []string{"orders", "submit"} }

// Servers lists the servers that can take part in one of the workloads.
func Servers(names ...string) []string {
	var servers []string
	for _, w := range comparisons() {
		for _, server := range w.servers {
			if server = plainName(server); w.isAsked(names) && !slices.Contains(servers, server) {
				servers = append(servers, server)
			}
		}
	}
	return servers
}

// isAsked reports whether names includes the workload.
func (w workload) isAsked(names []string) bool {
	return slices.Contains(names, w.name) && w.group == "" || slices.Contains(names, w.group)
}

// cellName names an idle load; other loads name themselves.
func (w workload) cellName(connections int) string {
	switch {
	case w.load == load.HalfOpen:
		return fmt.Sprintf("%d half-open handshakes", connections)
	case w.idle && w.logsIn:
		return fmt.Sprintf("%d sessions, logged in", connections)
	case w.idle:
		return fmt.Sprintf("%d connections", connections)
	}
	return ""
}
