package report

import (
	"fmt"
	"strings"

	"holdfast/perf/flame"
)

// page is the content of README.md; missing parts are nil.
type page struct {
	name        string
	environment Environment // of the last run
	compare     *Compare
	responses   []*Response // orders, then submit
	flame       *flame.Result
}

const howToRead = `## How to read this

Each server ran in a separate process with ` + "`GOMAXPROCS=1`" + `, pinned to one core, and
the load generator on another; a note beside the tables says if that was not
possible. Servers took turns within each round, so that changes on
the machine affect all of them. Figures are medians over the rounds, with the range
in brackets where there is one.

- Rates move with the machine; ratios within one table move less. Compare those.
- If ranges overlap, there is no proven difference.
- CPU is user and system time of the server's process divided by the answers.
- A client sends its next request when it has its answers (and has paused, if it
  pauses), and times are counted from the moment a request was meant to go out. So a
  stall counts once for each client that waits, not for all requests that it could have sent
  meanwhile. At full load, times show how long the queue is, not how fast a server is:
  see the response times with pauses for that. In the chat, messages are sent on a fixed
  schedule, whatever the server does, and a stall counts for all messages that it delays.
- A time close to the length of a run is a lower bound: longer ones had no
  chance to be seen.
- If the generator was the limit, a line below the table says so, and the server's rate is
  at least the one shown.

Servers: ` + "`reactor`" + ` is this product and ` + "`reactor-loop`" + ` answers Submit on the event
loop instead of the lane. ` + "`textbook`, `buffered`, `pooled` and `readwriter`" + ` are the same
sessions and handlers with a goroutine (or two) for each connection. ` + "`gnet`, `netpoll`,\n`nbio` and `zinx`" + ` are libraries that answer the same frames and do nothing else
(zinx by its SendMsg: one write for each reply), and ` + "`c`" + ` is a plain epoll server in
C: what the machine can do. ` + "`textbook` and `readwriter`" + ` read length and body separately, without
a buffer, as such servers do. ` + "`coalescing`" + ` is ` + "`readwriter`" + ` with one write for all
messages that wait for a connection. ` + "`reactor-tlv`, `reactor-websocket`, `reactor-json`, `reactor-fix` and\n`reactor-mixed`" + ` are this product
over another dialect. ` + "`gorilla` and `nbiows`" + ` are WebSocket libraries that send each
message back, or in a chat to all. ` + "`quickfix` and `quickfix-memory`" + ` are an executor on QuickFIX
C++ with its store in files, without fsync, and in memory.

`

func (p *page) appendMarkdown(dst []byte) []byte {
	dst = fmt.Appendf(dst, "# Results: %s\n\n", p.name)
	dst = p.appendIncomplete(dst)
	dst = p.environment.AppendMarkdown(dst)
	dst = append(dst, howToRead...)
	if p.compare != nil {
		dst = p.appendCompare(dst)
	}
	if len(p.responses) > 0 {
		dst = p.appendResponses(dst)
	}
	if p.flame != nil {
		dst = append(dst, "## Flame graphs\n\nThe graphs are separate pages that need no network. Shares and graphs exclude the "+
			"cost of profiling; CPU of a core and CPU for a request include it.\n\n"...)
		dst = p.flame.AppendMarkdown(dst)
	}
	return dst
}

// appendIncomplete lists the parts that are incomplete.
func (p *page) appendIncomplete(dst []byte) []byte {
	var parts []string
	if p.compare != nil && !p.compare.Complete {
		parts = append(parts, "comparison")
	}
	for _, r := range p.responses {
		if !r.Complete {
			parts = append(parts, "response times of "+r.Workload)
		}
	}
	if p.flame != nil && !p.flame.Complete {
		parts = append(parts, "flame graphs")
	}
	if len(parts) == 0 {
		return dst
	}
	return fmt.Appendf(dst, "**Incomplete** (%s): not every round was run, or one is still running.\n\n", strings.Join(parts, ", "))
}

// appendMade says how a part was made.
func appendMade(dst []byte, e Environment, raw ...string) []byte {
	dst = fmt.Appendf(dst, "Made with `%s`, holdfast %s, on %s.", e.Command, e.Program, e.Date.UTC().Format("2006-01-02"))
	for _, name := range raw {
		dst = fmt.Appendf(dst, " [%s](%s)", name, name)
	}
	return append(dst, "\n\n"...)
}

func (p *page) appendCompare(dst []byte) []byte {
	for i, w := range p.compare.Workloads {
		s := sectionOf(w.Name)
		dst = fmt.Appendf(dst, "## %s\n\n", s.heading)
		if i == 0 {
			dst = appendMade(dst, p.compare.Environment, "compare.txt", "compare.json")
			dst = appendNotes(dst, p.compare.Notes)
		}
		dst = append(dst, s.about+"\n\n"...)
		dst = appendCharts(dst, w.charts())
		dst = append(w.Comparison.AppendMarkdown(dst), '\n')
	}
	return dst
}

func appendNotes(dst []byte, notes []string) []byte {
	for _, note := range notes {
		dst = fmt.Appendf(dst, "- %s\n", note)
	}
	if len(notes) > 0 {
		dst = append(dst, '\n')
	}
	return dst
}

func appendCharts(dst []byte, charts []Chart) []byte {
	for _, c := range charts {
		dst = fmt.Appendf(dst, "![%s: %s](plots/%s)\n\n", c.Title, c.Caption, c.File)
	}
	return dst
}

func (p *page) appendResponses(dst []byte) []byte {
	for _, r := range p.responses {
		name := "response-" + r.Workload
		dst = fmt.Appendf(dst, "## Response times of %s\n\n", r.Workload)
		dst = appendMade(dst, r.Environment, name+".txt", name+".json")
		dst = appendCharts(dst, r.charts())
		dst = r.appendMarkdown(dst)
	}
	return dst
}
