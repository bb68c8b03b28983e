package chaos

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"holdfast/perf/progress"
)

// A Fault is one way to do harm.
type Fault struct {
	Name  string // of the command: holdfast chaos <Name>
	ID    string // row of the table of promises: "D1"
	Short string // what is done, for lists; at most MaxShort characters
	How   string // the complete description, if Short leaves something out
	// Promise is what must hold nevertheless, in one line.
	Promise string
	Needs   []string // programs besides holdfast ("strace"), checked before the start
	Root    bool     // needs root: it mounts or creates namespaces
	Long    Size     // default size
	Gate    Size     // for every change: a run of a few seconds
	// RoundsHelp and SizeHelp say what Size.Rounds and Size.Size count; "": they are not
	// used.
	RoundsHelp, SizeHelp string
	// Run does one run. An error means that it could not be completed; broken promises go
	// to r.Broken.
	Run func(ctx context.Context, r *Run) error
}

// MaxShort is how long Fault.Short may be, so that a list fits a terminal.
const MaxShort = 60

// HowText returns the complete description of what is done.
func (f Fault) HowText() string { return cmp.Or(f.How, f.Short) }

// Size says how much a run does; Fault.RoundsHelp and Fault.SizeHelp say what it counts.
type Size struct {
	Rounds int
	Size   int
}

// Find returns the fault with this name.
func Find(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// Missing returns an ErrNeeds if this machine lacks something, else nil.
func (f Fault) Missing() error {
	for _, program := range f.Needs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w %s", ErrNeeds, program)
		}
	}
	if f.Root && os.Geteuid() != 0 {
		return fmt.Errorf("%w root", ErrNeeds)
	}
	return nil
}

// NeedsText returns what the fault needs besides holdfast.
func (f Fault) NeedsText() string {
	needs := slices.Clone(f.Needs)
	if f.Root {
		needs = append(needs, "root")
	}
	return strings.Join(needs, ", ")
}

// Execute does one run of f: it creates a scratch folder, runs f, ends every server that
// f started, and returns the verdict. The error says why the run could not be completed;
// the verdict then has the findings so far. The caller sets the fields of r up to Out,
// and does not reuse r.
func Execute(ctx context.Context, f Fault, r *Run) (*Verdict, error) {
	if err := f.Missing(); err != nil {
		return nil, err
	}
	if r.Rounds == 0 {
		r.Rounds = f.Long.Rounds
	}
	if r.Size == 0 {
		r.Size = f.Long.Size
	}
	start := time.Now()
	fmt.Fprintf(r.Out, "%s %s: seed %d\n", f.ID, f.Name, r.Seed)
	if r.Line == nil {
		r.Line = progress.New(r.Out)
	}
	r.Line.Limit(terminalPause, linePause)
	r.ctx = ctx
	err := r.inScratch(func() error { return cmp.Or(f.Run(ctx, r), r.interrupted()) })
	r.Line.Erase()
	return r.verdict(f, time.Since(start), err), err
}
