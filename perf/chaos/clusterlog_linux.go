package chaos

import (
	"fmt"
	"strings"
	"time"
)

// Limits of what nodes have said, in the description of a broken promise.
const (
	clusterServers   = 2 // of each node
	clusterLines     = 4 // of each server
	clusterLineBytes = 200
)

// remember keeps the node's server for what it says.
func (n *clusterNode) remember() {
	if n.Server == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers = append(n.servers, n.Server)
	n.servers = n.servers[max(0, len(n.servers)-clusterServers):]
}

// record stores what happens in a round.
func (k *clusterRun) record(round int, kind clusterKind, victims []*clusterNode) {
	words := []string{fmt.Sprintf("round %d, %s", round+1, kind.name)}
	for _, n := range victims {
		words = append(words, n.name)
	}
	k.what.Store(strings.Join(words, ", "))
}

// said returns what may explain a broken promise: the round and the time, and at the first one of a round the last
// warnings and errors of all nodes. Goroutine: any.
func (k *clusterRun) said() string {
	var b strings.Builder
	what := k.what.Load()
	fmt.Fprintf(&b, " [%v, at %s", what, time.Now().UTC().Format("15:04:05.000"))
	if k.explained.Swap(what) != what {
		for _, n := range k.nodes {
			n.mu.Lock()
			servers := n.servers
			n.mu.Unlock()
			for _, s := range servers {
				for _, line := range troubles(s.Stderr()) {
					fmt.Fprintf(&b, "\n    %s: %s", n.name, line)
				}
			}
		}
	}
	return b.String() + "]"
}

// noRoute is what a node says again and again while another one is down.
const noRoute = "Error trying to connect to route"

// troubles returns the last lines of a server's output that are warnings, errors or the reason of its end.
func troubles(output string) (lines []string) {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		trouble := strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") ||
			strings.HasPrefix(line, "holdfast: ") || strings.HasPrefix(line, "panic: ")
		if trouble && !strings.Contains(line, noRoute) {
			lines = append(lines, line[:min(len(line), clusterLineBytes)])
		}
	}
	return lines[max(0, len(lines)-clusterLines):]
}
