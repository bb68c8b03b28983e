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

	"github.com/dustin/go-humanize"

	"holdfast/perf/progress"
)

// Run is one run of a fault: its settings, and what it has found.
type Run struct {
	Program      []string // the holdfast command
	Env          []string // added to its environment
	Seed         uint64
	Rounds, Size int            // how much to do; 0: the fault's default
	Scratch      string         // a new folder, removed at the end; "": a temporary folder
	Out          io.Writer      // the seed and progress
	Line         *progress.Line // the progress; nil: one on Out

	ctx     context.Context // of Execute; nil in tests
	streams atomic.Uint64
	explain func() string // what may explain a broken promise; nil: nothing. Goroutine: any

	mu       sync.Mutex
	figures  []Figure
	broken   []string
	breaches int
	progress string         // the last text of Progress
	undo     []func() error // functions passed to Cleanup
}

// maxBroken is how many broken promises a verdict describes; all are counted.
const maxBroken = 20

// Random returns a new source for each call, all derived from the seed. The order of
// calls must not depend on goroutines.
func (r *Run) Random() *rand.Rand {
	return rand.New(rand.NewPCG(r.Seed, r.streams.Add(1)))
}

// Figure adds a measured figure to the verdict, or replaces one of the same name.
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

// interrupted returns the error of the run's context.
func (r *Run) interrupted() error {
	if r.ctx == nil {
		return nil
	}
	return r.ctx.Err()
}

// Broken records that a promise was broken. After an interruption it does nothing: what
// fails then does not tell anything about the server.
func (r *Run) Broken(format string, args ...any) {
	if r.interrupted() != nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if r.explain != nil && r.Breaches() < maxBroken {
		text += r.explain()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaches++
	if len(r.broken) < maxBroken {
		r.broken = append(r.broken, r.hide(text))
	}
}

// hide removes this machine's folders from a text that will be published.
func (r *Run) hide(text string) string {
	if r.Scratch == "" {
		return text
	}
	return strings.ReplaceAll(text, r.Scratch, "SCRATCH")
}

// Breaches returns the number of broken promises so far.
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

// Progress shows the progress of the run. It may be called often.
func (r *Run) Progress(done, total int, text string) {
	text = fmt.Sprintf("%s of %s %s", humanize.Comma(int64(done)), humanize.Comma(int64(total)), text)
	r.mu.Lock()
	r.progress = text
	r.mu.Unlock()
	r.Line.Show(text)
}

// Cleanup registers f to be called when the run ends, for any reason; the last f is
// called first. It is for mounts, namespaces and processes.
func (r *Run) Cleanup(f func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undo = append(r.undo, f)
}

// undoAll calls the functions passed to Cleanup.
func (r *Run) undoAll() (err error) {
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

// inScratch calls run with a scratch folder, then cleans up.
func (r *Run) inScratch(run func() error) (err error) {
	if r.Scratch == "" {
		if r.Scratch, err = os.MkdirTemp("", "holdfast-chaos-"); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, r.undoAll(), os.RemoveAll(r.Scratch)) }()
	if stop := catch(func() { err = run() }); stop != nil {
		err = stop
	}
	return err
}

// rounds calls f r.Rounds times, with the number of the round from 0. The end of ctx
// ends the run before the next round.
func (r *Run) rounds(ctx context.Context, f func(round int)) {
	r.Progress(0, r.Rounds, "rounds")
	for round := range r.Rounds {
		check(ctx.Err())
		if err := catch(func() { f(round) }); err != nil {
			check(fmt.Errorf("round %d: %w", round+1, err))
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
}

// waitUntil calls done at intervals of every until it returns true. It returns false
// after limit. The end of ctx ends the run.
func waitUntil(ctx context.Context, limit, every time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline) && ctx.Err() == nil; sleep(ctx, every) {
		if done() {
			return true
		}
	}
	check(ctx.Err())
	return false
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
