package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/perf/load"
	"holdfast/perf/report"
)

// Compare runs the same loads against this server, the same business code with a
// goroutine per connection, and libraries that only answer.
func Compare(ctx context.Context, o Options) error {
	return start(&o, slices.Max(o.Connections), func(b *bench) error {
		folder, err := b.openFolder()
		if err != nil {
			return err
		}
		plans, notes := b.comparePlans(ctx)
		b.announce(plans...)
		return b.compare(ctx, folder, plans, notes)
	})
}

// comparePlans returns the requested comparisons that have servers.
func (b *bench) comparePlans(ctx context.Context) (plans []plan, notes []string) {
	servers, notes := b.makePool(ctx, Servers(b.Workloads...))
	for _, w := range comparisons() {
		if picked := servers.pick(w.servers); w.isAsked(b.Workloads) && len(picked) > 0 {
			plans = append(plans, b.newPlan(w.name, picked, b.cells(w)))
		}
	}
	return plans, notes
}

// cells returns the loads of a workload: every number of connections at every depth.
func (b *bench) cells(w workload) []load.Cell {
	if len(w.messages) > 0 {
		return b.chatCells(w)
	}
	connections, depths := b.Connections, b.Depths
	if w.idle {
		connections, depths = []int{slices.Max(connections)}, []int{1}
	}
	var cells []load.Cell
	for _, n := range w.limited(connections) {
		for _, depth := range depths {
			o := load.Options{
				Workload: w.load, Connections: n, Depth: depth, Warmup: b.Warmup, Duration: b.Duration,
			}
			if w.logsIn {
				o.Accounts, o.Instruments = b.accounts, b.instruments
			}
			if w.load == load.HalfOpen { // servers end such handshakes after some seconds
				o.Warmup, o.Duration, o.MaxErrors = 0, min(b.Duration, halfOpenWindow), -1
			}
			cells = append(cells, load.Cell{Name: w.cellName(n), Options: o})
		}
	}
	return cells
}

// limited returns numbers of connections within the limit of the workload, each once.
func (w workload) limited(connections []int) (limited []int) {
	for _, n := range connections {
		if w.most > 0 {
			n = min(n, w.most)
		}
		if !slices.Contains(limited, n) {
			limited = append(limited, n)
		}
	}
	return limited
}

// halfOpenWindow is the measured time of the workload HalfOpen.
const halfOpenWindow = 200 * time.Millisecond

// chatJoin bounds the time until all clients are in the chat: each hears of all that come
// after it.
const chatJoin = 2 * time.Minute

// chatCells returns the loads of a chat: one for each number of messages a second. A server
// that can't deliver them loses clients; the others go on.
func (b *bench) chatCells(w workload) (cells []load.Cell) {
	clients := min(chatClients, slices.Max(b.Connections))
	for _, each := range w.messages {
		rate := float64(each * clients)
		o := load.Options{
			Workload: load.Chat, Connections: clients, Rate: rate, Warmup: b.Warmup, Duration: b.Duration,
			ConnectTimeout: chatJoin, MaxErrors: -1,
		}
		if w.logsIn {
			o.Accounts = b.accounts
		}
		cells = append(cells, load.Cell{Name: fmt.Sprintf("%d clients, %.0f messages/s", clients, rate), Options: o})
	}
	return cells
}

// compare runs the plans, saves the results after every round, and prints them.
func (b *bench) compare(ctx context.Context, folder report.Folder, plans []plan, notes []string) error {
	if len(plans) == 0 {
		return errors.New("no server of --servers can take part in --workloads" + strings.Join(append([]string{""}, notes...), "; "))
	}
	result := &report.Compare{Environment: b.Environment(ctx), Notes: notes}
	keep := func(finished bool) error {
		return errors.Join(b.writeJSON(result, finished), folder.SaveCompare(result))
	}
	var err error
	for _, p := range plans {
		err = b.measure(ctx, p, func(c *load.Comparison) error {
			result.Set(p.name, c)
			return keep(false)
		})
		if err != nil {
			break
		}
	}
	result.Complete = err == nil
	return errors.Join(err, b.writeTables(result.AppendText(nil)), keep(true))
}
