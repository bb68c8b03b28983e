package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Run is one run of a fault: what the fault finds, and what it has found.
type Run struct {
	Program      []string // the command that is holdfast
	Env          []string // more environment for it
	Seed         uint64
	Rounds, Size int       // how much; Execute puts the fault's own where they are 0
	Scratch      string    // a folder of its own, removed at the end; "" makes one
	Out          io.Writer // the seed and progress
	Terminal     bool      // Out is one: progress is a line that changes

	streams atomic.Uint64

	mu       sync.Mutex
	figures  []Figure
	broken   []string
	breaches int
	undo     []func() error // what Cleanup was given
	shown    time.Time      // last progress line
	line     bool           // a progress line stands on the terminal
}

// maxBroken is how many broken promises a verdict describes; all are counted.
const maxBroken = 20

// Random gives a source of its own to each caller, all from the seed. Call it in
// an order that does not depend on goroutines.
func (r *Run) Random() *rand.Rand {
	return rand.New(rand.NewPCG(r.Seed, r.streams.Add(1)))
}

// Figure notes a measured figure for the verdict. One of the same name takes its
// place.
func (r *Run) Figure(name string, value any, unit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := Figure{Name: name, Value: value, Unit: unit}
	if i := slices.IndexFunc(r.figures, func(g Figure) bool { return g.Name == name }); i >= 0 {
		r.figures[i] = f
		return
	}
	r.figures = append(r.figures, f)
}

// Broken notes that a promise was broken.
func (r *Run) Broken(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches++
	if len(r.broken) < maxBroken {
		r.broken = append(r.broken, r.hide(fmt.Sprintf(format, args...)))
	}
}

// hide takes this machine's folders out of a text that others will read.
func (r *Run) hide(text string) string {
	if r.Scratch == "" {
		return text
	}
	return strings.ReplaceAll(text, r.Scratch, "SCRATCH")
}

// Breaches is the number of broken promises so far.
func (r *Run) Breaches() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.breaches
}

// How often progress is shown.
const (
	terminalPause = 200 * time.Millisecond
	linePause     = 10 * time.Second
)

// Progress tells how far the run is. Call it as often as you like.
func (r *Run) Progress(done, total int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pause := linePause
	if r.Terminal {
		pause = terminalPause
	}
	if now := time.Now(); now.Sub(r.shown) >= pause {
		r.shown = now
		r.show(done, total, text)
	}
}

func (r *Run) show(done, total int, text string) {
	line := fmt.Sprintf("%d of %d %s", done, total, text)
	if r.Terminal {
		r.line = true
		fmt.Fprintf(r.Out, "\r%s\x1b[K", line) // erase to the end of the line
		return
	}
	fmt.Fprintln(r.Out, line)
}

// endLine takes the progress line from the terminal.
func (r *Run) endLine() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.line {
		fmt.Fprint(r.Out, "\r\x1b[K")
		r.line = false
	}
}

// Cleanup has f called at the end of the run, however it ends; the last one given
// is called first. Mounts, namespaces and processes are taken away with it.
func (r *Run) Cleanup(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undo = append(r.undo, f)
}

// cleanUp calls what Cleanup was given.
func (r *Run) cleanUp() (err error) {
	for {
		r.mu.Lock()
		if len(r.undo) == 0 {
			r.mu.Unlock()
			return err
		}
		last := r.undo[len(r.undo)-1]
		r.undo = r.undo[:len(r.undo)-1]
		r.mu.Unlock()
		err = errors.Join(err, last())
	}
}

// inScratch calls run with a scratch folder, and puts everything in order behind
// it.
func (r *Run) inScratch(run func() error) (err error) {
	if r.Scratch == "" {
		if r.Scratch, err = os.MkdirTemp("", "holdfast-chaos-"); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, r.cleanUp(), os.RemoveAll(r.Scratch)) }()
	return run()
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
