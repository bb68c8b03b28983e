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
)

// A Fault is one way to do harm.
type Fault struct {
	Name  string // of the command: holdfast chaos <Name>
	ID    string // row of the table of promises: "D1"
	Short string // what is done, for lists: at most MaxShort characters
	How   string // what is done, in full, where Short leaves something out
	// Promise is what has to hold all the same, one line.
	Promise string
	Needs   []string // programs beside holdfast ("strace"), checked before the start
	Root    bool     // mounts or makes namespaces
	Long    Size     // where Run has none
	Gate    Size     // for every change: a run of a few seconds
	// Run does it. An error means that the run could not be made; broken promises
	// go to r.Broken.
	Run func(ctx context.Context, r *Run) error
}

// MaxShort is how long Fault.Short may be, so that a list fits a terminal.
const MaxShort = 60

// HowText says what is done, in full.
func (f Fault) HowText() string { return cmp.Or(f.How, f.Short) }

// Size says how much a run does; each fault says what it counts.
type Size struct {
	Rounds int
	Size   int
}

// Find gives the fault with this name.
func Find(name string) (Fault, bool) {
	for _, f := range Faults() {
		if f.Name == name {
			return f, true
		}
	}
	return Fault{}, false
}

// Missing is an ErrNeeds where this machine lacks something, else nil.
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

// NeedsText lists what the fault needs beside holdfast.
func (f Fault) NeedsText() string {
	needs := slices.Clone(f.Needs)
	if f.Root {
		needs = append(needs, "root")
	}
	return strings.Join(needs, ", ")
}

// Execute makes one run of f: a scratch folder, the run, the end of every server
// that it has started, the verdict. The error says why the run could not be made;
// the verdict then has what was found so far. r is filled by the caller up to
// Out, and not used again.
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
	begin := time.Now()
	fmt.Fprintf(r.Out, "%s %s: seed %d\n", f.ID, f.Name, r.Seed)
	err := r.inScratch(func() error { return f.Run(ctx, r) })
	r.endLine()
	return r.verdict(f, time.Since(begin), err), err
}
