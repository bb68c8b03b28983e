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
	"time"

	"holdfast/biz/journal"
)

func damageFault() Fault {
	return Fault{
		Name: "damage", ID: "D5",
		Short: "bits of the journal flipped, its blocks cut short",
		How: "a bit flipped in every nth byte of the journal, and every block cut at each of its last bytes, after a clean stop and after kill -9; " +
			"then checkpoints flipped, torn and removed, and a history that lacks what was trimmed",
		Promise: "all damage is found; the server refuses to start, names file and position, and does not change the files; " +
			"it starts from an older checkpoint if the newest one is damaged, and finds damage that it does not need to read while it serves",
		Long: Size{Rounds: 1000, Size: 9 << 20}, Gate: Size{Rounds: 4001, Size: 1 << 19},
		RoundsHelp: "distance in bytes between two flipped bits",
		SizeHelp:   "size of the journal in bytes",
		Run:        runDamage,
	}
}

const (
	damageTail   = 64 << 10 // bytes at the end of a block that are cut one by one
	damageEnd    = 257      // bytes between two flips in as many at the end
	damageUnder  = 4        // batches in the one commit that may be in progress
	damageStarts = 10       // servers started on each kind of damage
	damageFine   = 1000     // up to this distance of two flips, more is tried
)

// damageRun damages one data folder in place, and repairs it each time.
type damageRun struct {
	*Run
	random *rand.Rand
	data   string
	after  string // how the server that wrote the folder ended
	step   int    // bytes between two cuts
	whole  journal.Report
	last   string // block
	torn   int    // where an unfinished write starts in it; its size if there is no such write
	counts *damageCounts
}

type damageCounts struct {
	flips, cuts, found, unacked, starts int
	unmarked                            uint64 // batches not yet acknowledged when the server was killed
}

// runDamage flips a bit in every r.Rounds-th byte of journals of r.Size bytes, and cuts
// their blocks at every 199th byte. Up to 1,000 rounds it also cuts small journals at
// every byte, because each check reads the complete journal.
func runDamage(ctx context.Context, r *Run) error {
	counts := &damageCounts{}
	sizes := []int{r.Size}
	if r.Rounds <= damageFine {
		sizes = append(sizes, 2*damageTail)
	}
	for i, size := range sizes {
		for _, after := range []string{cleanStop, "kill -9"} {
			d := &damageRun{Run: r, random: r.Random(), after: after, step: 199, counts: counts}
			if i > 0 {
				d.step = 1
			}
			d.make(ctx, int64(size))
			d.all(ctx)
		}
	}
	s := &startDamage{Run: r, random: r.Random(), counts: counts}
	s.all(ctx)
	r.Figure("bits flipped", counts.flips, "")
	r.Figure("blocks cut short", counts.cuts, "")
	r.Figure("flips and cuts found", counts.found, "")
	r.Figure("batches that were never acknowledged", counts.unmarked, "")
	r.Figure("flips and cuts only in these batches", counts.unacked, "")
	r.Figure("servers started on a damaged journal", counts.starts, "")
	if counts.flips == 0 || counts.cuts == 0 || counts.starts == 0 {
		return ErrTooLittle
	}
	return nil
}

const cleanStop = "a clean stop"

// make starts a server that writes a data folder, and ends it.
func (d *damageRun) make(ctx context.Context, size int64) {
	s := must(d.Start(ctx, ServerOptions{Args: []string{"--simulate", "20000/s", "--seed", fmt.Sprint(d.Seed)}}))
	d.data = s.Data
	d.waitForJournal(ctx, s, size)
	if d.after == cleanStop {
		s.stopClean(ctx)
	}
	s.Kill()
}

// waitForJournal waits until the server, which simulates trades, has written size bytes
// of blocks.
func (d *damageRun) waitForJournal(ctx context.Context, s *Server, size int64) {
	for {
		blocks := int64(0)
		for _, name := range blocksIn(d.data) {
			if fi, err := os.Stat(name); err == nil {
				blocks += fi.Size()
			}
		}
		if blocks >= size {
			return
		}
		d.Progress(int(blocks>>10), int(size>>10), "KiB of journal")
		sleep(ctx, 50*time.Millisecond)
		check(ctx.Err())
		if s.Gone() {
			check(ErrNotStarted)
		}
	}
}

func (d *damageRun) all(ctx context.Context) {
	var err error
	if d.whole, err = d.read(ctx); err != nil {
		d.Broken("after %s: %v, although nothing was damaged", d.after, err)
		return
	}
	blocks := blocksIn(d.data)
	d.findEnd(blocks)
	for _, name := range blocks {
		d.flips(ctx, name, 0, d.Rounds)
	}
	d.flips(ctx, d.last, max(0, d.torn-damageTail), min(damageEnd, d.Rounds))
	d.flips(ctx, filepath.Join(d.data, "journal", "mark"), 0, 1)
	for _, name := range blocks {
		d.cuts(ctx, name)
	}
	for range damageStarts {
		d.start(ctx, blocks[d.random.IntN(len(blocks))])
	}
}

// findEnd finds the end of the journal, and how many batches were not acknowledged.
func (d *damageRun) findEnd(blocks []string) {
	if len(blocks) == 0 {
		check(fmt.Errorf("%w: no journal", ErrTooLittle))
	}
	d.last = blocks[len(blocks)-1]
	d.torn = int(must(os.Stat(d.last)).Size() - d.whole.Torn)
	unmarked := d.whole.Batches - d.whole.Acknowledged
	if d.counts.unmarked += unmarked; unmarked > damageUnder {
		d.Broken("after %s the mark names batch %d of %d: damage in acknowledged batches would pass for a torn write", d.after, d.whole.Acknowledged, d.whole.Batches)
	}
}

// unacknowledged reports whether unreported damage is only in unacknowledged data, which
// a start cuts off: a batch is missing, or the damage is in a write that was unfinished
// anyway.
func (d *damageRun) unacknowledged(r journal.Report, name string, at int) bool {
	return r.Batches >= d.whole.Acknowledged &&
		(r.Batches < d.whole.Batches || name == d.last && at >= d.torn)
}

func (d *damageRun) read(ctx context.Context) (journal.Report, error) {
	return journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(d.data, "journal")})
}

// flips flips a bit in every step-th byte of a file, starting at from, one at a time.
func (d *damageRun) flips(ctx context.Context, name string, from, step int) {
	whole := must(os.ReadFile(name))
	f := must(os.OpenFile(name, os.O_RDWR, 0))
	defer f.Close()
	for at := from + d.random.IntN(step); at < len(whole); at += step {
		check(ctx.Err())
		must(f.WriteAt([]byte{whole[at] ^ 1<<d.random.IntN(8)}, int64(at)))
		d.counts.flips++
		d.judge(ctx, name, at, "flip")
		must(f.WriteAt(whole[at:at+1], int64(at)))
		d.Progress(at, len(whole), "bytes of "+filepath.Base(name)+" flipped, after "+d.after)
	}
}

// cuts cuts a file at more and more bytes.
func (d *damageRun) cuts(ctx context.Context, name string) {
	whole := must(os.ReadFile(name))
	tail := min(len(whole), damageTail)
	for n := d.step; n <= tail && ctx.Err() == nil; n += d.step {
		check(os.Truncate(name, int64(len(whole)-n)))
		d.counts.cuts++
		d.judge(ctx, name, len(whole)-n, "cut")
		d.Progress(n, tail, "bytes cut off "+filepath.Base(name)+", after "+d.after)
	}
	check(errors.Join(ctx.Err(), os.WriteFile(name, whole, 0o600)))
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
		d.Broken("%s at %s:%d after %s: error %v instead of a damage report", what, name, at, d.after, err)
	case r.Batches < d.whole.Acknowledged:
		d.Broken("%s at %s:%d after %s: only %d of %d acknowledged batches served", what, name, at, d.after, r.Batches, d.whole.Acknowledged)
	case d.unacknowledged(r, name, at):
		d.counts.unacked++
	default:
		d.Broken("%s at %s:%d after %s was not found", what, name, at, d.after)
	}
}

// place checks that the report names the file and a position at or before the damage. A
// cut between two batches leaves no bad byte: then the report names the missing batch.
func (d *damageRun) place(damage *journal.DamageError, name string, at int, what string) {
	said := filepath.Join(d.data, "journal", damage.File)
	var from int
	_, err := fmt.Sscanf(damage.What, "from byte %d on", &from)
	switch {
	case filepath.Base(name) == "mark":
		// The mark may be undamaged and name a missing batch.
	case what == "cut" && err != nil:
		if damage.Batch == 0 || damage.Batch > d.whole.Batches {
			d.Broken("cut at %s:%d after %s: %v", name, at, d.after, damage)
		}
	case what == "cut" && said != name: // found at the next block
	case said != name || err != nil || from > at || at-from > 1<<20:
		d.Broken("%s at %s:%d after %s is reported at a wrong place: %v", what, name, at, d.after, damage)
	}
}

// start starts a server on a damaged copy.
func (d *damageRun) start(ctx context.Context, name string) {
	copied := must(os.MkdirTemp(d.Scratch, "damaged-"))
	defer os.RemoveAll(copied)
	check(os.CopyFS(copied, os.DirFS(d.data)))
	rel := must(filepath.Rel(d.data, name))
	file := filepath.Join(copied, rel)
	damaged := must(os.ReadFile(file))
	at := d.random.IntN(len(damaged))
	damaged[at] ^= 1 << d.random.IntN(8)
	check(os.WriteFile(file, damaged, 0o600))
	r, err := journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(copied, "journal")})
	if err == nil && d.unacknowledged(r, name, at) {
		d.counts.unacked++
		return
	}
	d.counts.starts++
	s, err := d.Start(ctx, ServerOptions{Data: copied})
	if err == nil {
		defer s.Kill()
		if !s.says(ctx, olderDamage, name) {
			d.Broken("flip at %s:%d after %s: the server started in spite of it, and does not name it: %s", rel, at, d.after, s.LastWords())
		}
		return
	}
	if !errors.Is(err, ErrNotStarted) || s == nil {
		check(err)
	}
	if code, err := s.Wait(ctx); err != nil || code != 1 || !strings.Contains(s.Stderr(), filepath.Base(name)) {
		d.Broken("flip at %s:%d after %s: code %d (%v): %s", rel, at, d.after, code, err, s.LastWords())
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, damaged) {
		d.Broken("flip at %s:%d after %s: the start changed the file (%v)", rel, at, d.after, err)
	}
}
