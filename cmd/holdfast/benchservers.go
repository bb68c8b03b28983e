package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/perf/load"
)

// benchWorkload is one comparison of "bench compare".
type benchWorkload struct {
	name string        // in tables and files
	load load.Workload // what the connections do
	// servers that can take part. The first that does is the reference.
	servers []string
	// idle: only with the largest number of connections, and depth means nothing.
	idle bool
	// logsIn: the connections log in, as far as the workload leaves the choice.
	logsIn bool
}

// benchBaseline is the second reference: the plumbing that the reactor replaces.
const benchBaseline = "readwriter"

func benchWorkloads() []benchWorkload {
	goroutines := []string{"textbook", "buffered", "pooled", "readwriter"}
	libraries := []string{"c", "gnet", "netpoll", "nbio", "zinx"}
	ours := slices.Concat([]string{"reactor"}, goroutines)
	return []benchWorkload{
		{name: "submit", load: load.Submit, servers: slices.Concat(libraries, []string{"reactor", "reactor-loop"}, goroutines)},
		{name: "orders", load: load.Orders, servers: append(slices.Clone(ours), "readwriter-sql"), logsIn: true},
		{name: "positions", load: load.Positions, servers: ours, logsIn: true},
		{name: "push", load: load.Push, servers: ours, logsIn: true},
		{name: "idle", load: load.Idle, servers: slices.Concat(libraries, ours), idle: true},
		{name: "idle-login", load: load.Idle, servers: ours, idle: true, logsIn: true},
	}
}

// benchWorkloadNames are those that can be asked for: idle is two comparisons.
func benchWorkloadNames() []string { return []string{"submit", "orders", "positions", "push", "idle"} }

// isAsked tells whether the workload belongs to one of the names.
func (w benchWorkload) isAsked(names []string) bool {
	return slices.Contains(names, strings.TrimSuffix(w.name, "-login"))
}

// cellName names an idle load; other loads name themselves.
func (w benchWorkload) cellName(connections int) string {
	switch {
	case w.idle && w.logsIn:
		return fmt.Sprintf("%d sessions, logged in", connections)
	case w.idle:
		return fmt.Sprintf("%d connections", connections)
	}
	return ""
}

// benchServerNames lists every server there is.
func benchServerNames() []string {
	var names []string
	for _, w := range benchWorkloads() {
		for _, name := range w.servers {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// checkNames refuses what is none of the known names.
func checkNames(cmd *cobra.Command, flag string, given, known []string) error {
	for _, name := range given {
		if !slices.Contains(known, name) {
			return usagef(cmd, "--%s %q is none of %s", flag, name, strings.Join(known, ", "))
		}
	}
	return nil
}

// wants tells whether a server was asked for; without --servers all are.
func (o *benchFlags) wants(server string) bool {
	return len(o.servers) == 0 || slices.Contains(o.servers, server)
}

// pool is every server that can run here, by name.
type benchPool map[string]load.Server

// makePool gathers the servers that the names call for; notes say what is
// missing and how to get it. Libraries are built only if one of them is wanted.
func (b *bench) makePool(ctx context.Context, names []string) (pool benchPool, notes []string) {
	gnet := load.Server{
		Name: "gnet", Addr: b.addr, Disposable: true, Mallocs: mallocsAt(b.admin),
		Cmd: []string{b.self, "bench", "rawgnet", "--listen", b.addr, "--stats", b.admin},
	}
	all := []load.Server{
		gnet,
		b.serve("reactor"),
		b.serve("reactor-loop", "--submit-on-loop"),
		b.serve("textbook", "--plumbing", "textbook"),
		b.serve("buffered", "--plumbing", "buffered"),
		b.serve("pooled", "--plumbing", "pooled"),
		b.serve("readwriter", "--plumbing", "readwriter"),
		b.serve("readwriter-sql", "--plumbing", "readwriter", "--transaction-per-order"),
	}
	isBuilt := func(name string) bool { return slices.Contains([]string{"c", "netpoll", "nbio", "zinx"}, name) }
	if slices.ContainsFunc(names, func(name string) bool { return b.wants(name) && isBuilt(name) }) {
		fmt.Fprintln(b.p.Stderr, "holdfast: building the libraries' servers")
		var peers []load.Server
		peers, notes = b.peers(ctx)
		b.hideFolders(notes)
		for _, note := range notes {
			fmt.Fprintf(b.p.Stderr, "holdfast: %s\n", note)
		}
		for i := range peers {
			peers[i].Disposable = true
		}
		all = append(all, peers...)
	}
	pool = make(benchPool)
	for _, s := range all {
		if b.wants(s.Name) {
			pool[s.Name] = s
		}
	}
	return pool, notes
}

// pick gives those of the names that can run, in their order.
func (p benchPool) pick(names []string) []load.Server {
	var servers []load.Server
	for _, name := range names {
		if s, ok := p[name]; ok {
			servers = append(servers, s)
		}
	}
	return servers
}
