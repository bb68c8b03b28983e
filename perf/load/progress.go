package load

import (
	"fmt"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"holdfast/perf/progress"
)

// live holds the counts that the event loop publishes while it runs. Owner: the event
// loop writes, any goroutine reads.
type live struct {
	ready, answered, errors, pushed atomic.Uint64
	loading                         atomic.Bool
	warm                            atomic.Bool // the warm-up is over
}

// runProgress shows a run: how many connections are open, then a line each second.
type runProgress struct {
	live        *live
	bar         bool // the connections are shown as a bar, on a terminal
	connections int
	seconds     int
	// answered and pushed are the counts at the last text.
	answered, pushed uint64
}

// text describes the last second.
func (p *runProgress) text() string {
	if !p.live.loading.Load() {
		ready := int(p.live.ready.Load())
		bar := ""
		if p.bar {
			bar = progress.Bar(ready, p.connections, 40) + " "
		}
		return fmt.Sprintf("connecting %s%d/%d", bar, ready, p.connections)
	}
	p.seconds++
	answered, pushed := p.live.answered.Load(), p.live.pushed.Load()
	defer func() { p.answered, p.pushed = answered, pushed }()
	text := fmt.Sprintf("%4d s  %11s requests/s  %11s pushes/s  %s", p.seconds,
		comma(answered-p.answered), comma(pushed-p.pushed), plural(int(p.live.errors.Load()), "error"))
	if !p.live.warm.Load() {
		text += "  warmup"
	}
	return text
}

func comma(n uint64) string { return humanize.Comma(int64(n)) }

// plural returns "1 error" or "1,000 errors".
func plural(n int, noun string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(n, noun, "")
}
