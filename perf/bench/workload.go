package bench

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/perf/load"
)

// workload is one comparison of Compare.
type workload struct {
	name string        // in tables and files
	load load.Workload // what the connections do
	// servers that can take part; the first of them that runs is the reference.
	servers []string
	// idle: only with the largest number of connections; depth does not apply.
	idle bool
	// logsIn: the connections log in, if the workload does not decide that itself.
	logsIn bool
}

// baseline is the second reference: the carrier that the reactor replaces.
const baseline = "readwriter"

func comparisons() []workload {
	goroutines := []string{"textbook", "buffered", "pooled", "readwriter"}
	libraries := slices.Concat([]string{cPeer, "gnet"}, goPeers())
	ours := slices.Concat([]string{"reactor"}, goroutines)
	return []workload{
		{name: "submit", load: load.Submit, servers: slices.Concat(libraries, []string{"reactor", "reactor-loop"}, goroutines)},
		{name: "orders", load: load.Orders, servers: append(slices.Clone(ours), "readwriter-sql"), logsIn: true},
		{name: "positions", load: load.Positions, servers: ours, logsIn: true},
		{name: "push", load: load.Push, servers: ours, logsIn: true},
		{name: "idle", load: load.Idle, servers: slices.Concat(libraries, ours), idle: true},
		{name: "idle-login", load: load.Idle, servers: ours, idle: true, logsIn: true},
	}
}

// Workloads lists what Options.Workloads may hold: idle is two comparisons.
func Workloads() []string { return []string{"submit", "orders", "positions", "push", "idle"} }

// ResponseWorkloads lists what Options.Workload may be.
func ResponseWorkloads() []string { return []string{"orders", "submit"} }

// Servers lists the servers that can take part in one of the workloads.
func Servers(names ...string) []string {
	var servers []string
	for _, w := range comparisons() {
		for _, server := range w.servers {
			if w.isAsked(names) && !slices.Contains(servers, server) {
				servers = append(servers, server)
			}
		}
	}
	return servers
}

// isAsked reports whether names includes the workload.
func (w workload) isAsked(names []string) bool {
	return slices.Contains(names, strings.TrimSuffix(w.name, "-login"))
}

// cellName names an idle load; other loads name themselves.
func (w workload) cellName(connections int) string {
	switch {
	case w.idle && w.logsIn:
		return fmt.Sprintf("%d sessions, logged in", connections)
	case w.idle:
		return fmt.Sprintf("%d connections", connections)
	}
	return ""
}
