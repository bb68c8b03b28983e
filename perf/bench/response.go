package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

// Response measures how long clients wait for an answer, by the number of clients and the
// pause between their requests.
func Response(ctx context.Context, o Options) error {
	return start(&o, slices.Max(o.Clients), func(b *bench) error {
		folder, err := b.openFolder()
		if err != nil {
			return err
		}
		names := b.Servers
		if len(names) == 0 {
			names = replaced(load.Workload(b.Workload))
		}
		p := b.responsePlan(ctx, b.Workload, names)
		b.announce(p)
		return b.response(ctx, folder, p)
	})
}

// replaced returns this server and the design it replaces, which for orders uses one SQL
// transaction per order.
func replaced(w load.Workload) []string {
	if w == load.Orders {
		return []string{"reactor", "readwriter-sql"}
	}
	return []string{"reactor", baseline}
}

// responsePlan returns a plan with a cell for each interval and number of clients.
func (b *bench) responsePlan(ctx context.Context, workload string, names []string) plan {
	servers, _ := b.makePool(ctx, names)
	var cells []load.Cell
	for _, interval := range b.Intervals {
		for _, clients := range b.Clients {
			o := load.Options{
				Workload: load.Workload(workload), Connections: clients, Interval: interval,
				Warmup: max(b.Warmup, interval.Max),
			}
			o.Duration = b.scaled(2 * (interval.Min + interval.Max)) // four mean intervals
			if o.NeedsAccounts() {
				o.Warmup = max(o.Warmup, b.scaled(time.Duration(clients)*responseTimePerClient))
				o.Duration = max(o.Duration, b.scaled(time.Duration(clients)*3*responseTimePerClient))
				o.Accounts, o.Instruments = b.accounts, b.instruments
			}
			cells = append(cells, load.Cell{Options: o})
		}
	}
	return b.newPlan("response times of "+workload, servers.pick(names), cells)
}

// responseTimePerClient is how much each client adds to the duration of a run of orders.
// A server that makes every order durable separately executes a few thousand a second for
// all clients together. A run that ends before every client has had several answers would
// see only the fast ones.
const responseTimePerClient = 500 * time.Microsecond

// scaled returns need, scaled by Duration relative to its default of two seconds, but at
// least Duration.
func (b *bench) scaled(need time.Duration) time.Duration {
	return max(b.Duration, time.Duration(float64(need)*b.Duration.Seconds()/2))
}

// response runs the plan, saves the results after every round, and prints them.
func (b *bench) response(ctx context.Context, folder report.Folder, p plan) error {
	if len(p.Servers) == 0 {
		return errors.New("no server could be built: the notes above say why")
	}
	result := &report.Response{Environment: b.Environment(ctx), Workload: string(p.Cells[0].Options.Workload)}
	keep := func(finished bool) error {
		return errors.Join(b.writeJSON(result, finished), folder.SaveResponse(result))
	}
	err := b.measure(ctx, p, func(c *load.Comparison) error {
		result.Comparison = c
		return keep(false)
	})
	result.Complete = err == nil
	return errors.Join(err, b.writeTables(result.AppendText(nil)), keep(true))
}
