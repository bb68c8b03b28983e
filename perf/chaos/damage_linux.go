package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"holdfast/biz/journal"
)

func damageFault() Fault {
	return Fault{
		Name: "damage", ID: "D5",
		Short:   "bits of the journal flipped, its blocks cut short",
		How:     "a bit flipped at every so many bytes of the journal, and every block cut at each of its last bytes, after a clean stop and after kill -9",
		Promise: "every damage is found; the start is refused, file and position named, and the evidence stays",
		Long:    Size{Rounds: 1000, Size: 9 << 20}, Gate: Size{Rounds: 4001, Size: 1 << 19},
		Run: runDamage,
	}
}

const (
	damageTail   = 64 << 10 // bytes at the end of a block that are cut one by one
	damageEnd    = 257      // bytes between two flips in as many at the end
	damageUnder  = 4        // batches of the one commit that may be under way
	damageStarts = 10       // whole servers started on damage of each kind
)

// damageRun damages one data folder in place, and mends it each time.
type damageRun struct {
	*Run
	random *rand.Rand
	data   string
	after  string // what the folder is left by
	step   int    // bytes between two cuts
	whole  journal.Report
	last   string // block
	torn   int    // where in it a write begins that did not come to its end; its size if none does
	counts *damageCounts
}

type damageCounts struct {
	flips, cuts, found, unacked, starts int
	behind                              uint64 // batches that were not acknowledged when the server was killed
}

// runDamage flips a bit in every r.Rounds-th byte of journals of r.Size bytes, and
// cuts their blocks at every 199th byte. Up to 1,000 rounds it also cuts small
// journals at every byte: each cut is looked at by reading all.
func runDamage(ctx context.Context, r *Run) error {
	counts := &damageCounts{}
	sizes := []int{r.Size}
	if r.Rounds <= 1000 {
		sizes = append(sizes, 2*damageTail)
	}
	for i, size := range sizes {
		for _, after := range []string{cleanStop, "kill -9"} {
			d := &damageRun{Run: r, random: r.Random(), after: after, step: 199, counts: counts}
			if i > 0 {
				d.step = 1
			}
			if err := d.make(ctx, int64(size)); err != nil {
				return err
			}
			if err := d.all(ctx); err != nil {
				return err
			}
		}
	}
	r.Figure("flips", counts.flips, "")
	r.Figure("cuts", counts.cuts, "")
	r.Figure("found", counts.found, "")
	r.Figure("batches never acknowledged", counts.behind, "")
	r.Figure("only what was never acknowledged", counts.unacked, "")
	r.Figure("servers started on damage", counts.starts, "")
	if counts.flips == 0 || counts.cuts == 0 || counts.starts == 0 {
		return ErrTooLittle
	}
	return nil
}

const cleanStop = "a clean stop"

// make has a server fill a data folder and ends it.
func (d *damageRun) make(ctx context.Context, size int64) error {
	s, err := d.Start(ctx, ServerOptions{Args: []string{"--simulate", "20000/s", "--seed", fmt.Sprint(d.Seed)}})
	if err != nil {
		return err
	}
	d.data = s.Data
	if err := d.fill(ctx, s, size); err != nil {
		return err
	}
	if d.after == cleanStop {
		return stopClean(ctx, s)
	}
	s.Kill()
	return nil
}

func (d *damageRun) all(ctx context.Context) (err error) {
	if d.whole, err = d.read(ctx); err != nil {
		d.Broken("after %s: %v, and nobody has damaged it", d.after, err)
		return nil
	}
	blocks, err := blocksOf(d.data)
	if err != nil {
		return err
	}
	if err := d.findEnd(blocks); err != nil {
		return err
	}
	for _, name := range blocks {
		if err := d.flips(ctx, name, 0, d.Rounds); err != nil {
			return err
		}
	}
	if err := d.flips(ctx, d.last, max(0, d.torn-damageTail), min(damageEnd, d.Rounds)); err != nil {
		return err
	}
	if err := d.flips(ctx, filepath.Join(d.data, "journal", "mark"), 0, 1); err != nil {
		return err
	}
	for _, name := range blocks {
		if err := d.cuts(ctx, name); err != nil {
			return err
		}
	}
	for range damageStarts {
		name := blocks[d.random.IntN(len(blocks))]
		if err := d.start(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// findEnd notes where the journal ends, and how much of it was not acknowledged.
func (d *damageRun) findEnd(blocks []string) error {
	if len(blocks) == 0 {
		return fmt.Errorf("%w: no journal", ErrTooLittle)
	}
	d.last = blocks[len(blocks)-1]
	fi, err := os.Stat(d.last)
	if err != nil {
		return err
	}
	d.torn = int(fi.Size() - d.whole.Torn)
	behind := d.whole.Batches - d.whole.Acknowledged
	if d.counts.behind += behind; behind > damageUnder {
		d.Broken("after %s the mark names batch %d of %d: damage in what was acknowledged would be taken for a torn write", d.after, d.whole.Acknowledged, d.whole.Batches)
	}
	return nil
}

// unacknowledged tells whether damage that a reading does not report lies in what
// was never acknowledged, and is cut off: a batch that is missing then, or a write
// that did not come to its end before either.
func (d *damageRun) unacknowledged(r journal.Report, name string, at int) bool {
	return r.Batches >= d.whole.Acknowledged &&
		(r.Batches < d.whole.Batches || name == d.last && at >= d.torn)
}

func (d *damageRun) read(ctx context.Context) (journal.Report, error) {
	return journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(d.data, "journal")})
}

// flips flips a bit in every step-th byte of a file from one on, one at a time.
func (d *damageRun) flips(ctx context.Context, name string, from, step int) error {
	whole, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for at := from + d.random.IntN(step); at < len(whole); at += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := f.WriteAt([]byte{whole[at] ^ 1<<d.random.IntN(8)}, int64(at)); err != nil {
			return err
		}
		d.counts.flips++
		d.judge(ctx, name, at, "flip")
		if _, err := f.WriteAt(whole[at:at+1], int64(at)); err != nil {
			return err
		}
		d.Progress(at, len(whole), "bytes of "+filepath.Base(name)+" flipped, after "+d.after)
	}
	return nil
}

// cuts makes a file shorter and shorter.
func (d *damageRun) cuts(ctx context.Context, name string) error {
	whole, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	tail := min(len(whole), damageTail)
	for n := d.step; n <= tail && ctx.Err() == nil; n += d.step {
		if err := os.Truncate(name, int64(len(whole)-n)); err != nil {
			return err
		}
		d.counts.cuts++
		d.judge(ctx, name, len(whole)-n, "cut")
		d.Progress(n, tail, "bytes cut off "+filepath.Base(name)+", after "+d.after)
	}
	return errors.Join(ctx.Err(), os.WriteFile(name, whole, 0o600))
}

// judge reads the damaged journal.
func (d *damageRun) judge(ctx context.Context, name string, at int, what string) {
	r, err := d.read(ctx)
	var damage *journal.DamageError
	switch {
	case errors.As(err, &damage):
		d.counts.found++
		d.place(damage, name, at, what)
	case err != nil:
		d.Broken("%s at %s:%d after %s: %v, which is no report of damage", what, name, at, d.after, err)
	case r.Batches < d.whole.Acknowledged:
		d.Broken("%s at %s:%d after %s: %d batches served of %d that were acknowledged", what, name, at, d.after, r.Batches, d.whole.Acknowledged)
	case d.unacknowledged(r, name, at):
		d.counts.unacked++
	default:
		d.Broken("%s at %s:%d after %s was not found", what, name, at, d.after)
	}
}

// place checks that the report names the file and a byte in front of the damage.
// A cut between two batches leaves no bad byte: then the missing batch is named.
func (d *damageRun) place(damage *journal.DamageError, name string, at int, what string) {
	said := filepath.Join(d.data, "journal", damage.File)
	var from int
	_, err := fmt.Sscanf(damage.What, "from byte %d on", &from)
	switch {
	case filepath.Base(name) == "mark":
		// The mark may be whole and name something that is not there.
	case what == "cut" && err != nil:
		if damage.Batch == 0 || damage.Batch > d.whole.Batches {
			d.Broken("cut at %s:%d after %s: %v", name, at, d.after, damage)
		}
	case what == "cut" && said != name: // seen at the next block
	case said != name || err != nil || from > at || at-from > 1<<20:
		d.Broken("%s at %s:%d after %s is reported elsewhere: %v", what, name, at, d.after, damage)
	}
}

// start starts a server on a damaged copy.
func (d *damageRun) start(ctx context.Context, name string) error {
	copied, err := os.MkdirTemp(d.Scratch, "damaged-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	if err := os.CopyFS(copied, os.DirFS(d.data)); err != nil {
		return err
	}
	rel, err := filepath.Rel(d.data, name)
	if err != nil {
		return err
	}
	file := filepath.Join(copied, rel)
	damaged, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := d.random.IntN(len(damaged))
	damaged[at] ^= 1 << d.random.IntN(8)
	if err := os.WriteFile(file, damaged, 0o600); err != nil {
		return err
	}
	r, err := journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(copied, "journal")})
	if err == nil && d.unacknowledged(r, name, at) {
		d.counts.unacked++
		return nil
	}
	d.counts.starts++
	s, err := d.Start(ctx, ServerOptions{Data: copied})
	if err == nil {
		s.Kill()
		d.Broken("flip at %s:%d after %s: the server serves", rel, at, d.after)
		return nil
	}
	if !errors.Is(err, ErrNotStarted) || s == nil {
		return err
	}
	if code, err := s.Wait(ctx); err != nil || code != 1 || !strings.Contains(s.Stderr(), filepath.Base(name)) {
		d.Broken("flip at %s:%d after %s: code %d (%v): %s", rel, at, d.after, code, err, s.LastWords())
	}
	if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, damaged) {
		d.Broken("flip at %s:%d after %s: the start has changed the file (%v)", rel, at, d.after, err)
	}
	return nil
}
