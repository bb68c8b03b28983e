package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// longJournal is a journal with several block files, and the first record of each.
type longJournal struct {
	dir    string
	recs   []string
	starts []int           // index of the first record in each block file: one batch has three
	points []journal.Point // of each batch
}

const longBatch = 3

// writtenOnce is the journal that newLong copies.
var writtenOnce struct {
	sync.Mutex
	*longJournal
}

// newLong returns a copy of a journal of 42 MB that a kill has left. The first call writes it.
func newLong(t *testing.T) *longJournal {
	t.Helper()
	writtenOnce.Lock()
	defer writtenOnce.Unlock()
	if writtenOnce.longJournal == nil {
		writtenOnce.longJournal = writeLong(t)
	}
	l := *writtenOnce.longJournal
	l.dir, l.recs = copyTree(t, l.dir), slices.Clip(l.recs)
	return &l
}

func writeLong(t *testing.T) *longJournal {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
	must(t, err)
	l := &longJournal{recs: writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 70, longBatch, 200<<10)}
	must(t, j.ReplayBatches(t.Context(), 1, func(b *journal.Batch) error {
		l.points = append(l.points, journal.Point{Batch: b.Number, Record: b.First + uint64(b.Count) - 1, Checksum: b.Checksum})
		return nil
	}))
	l.dir, err = keptCopy(dir)
	must(t, err)
	must(t, j.Close(t.Context()))
	for _, name := range blocks(t, l.dir) {
		content, err := os.ReadFile(filepath.Join(l.dir, name))
		must(t, err)
		l.starts = append(l.starts, int(binary.LittleEndian.Uint64(content[4:])-1)*longBatch)
	}
	if len(l.starts) < 5 {
		t.Fatalf("files start with records %d", l.starts)
	}
	return l
}

// keptCopy copies a folder to one that outlives the test: TestMain removes it.
func keptCopy(dir string) (kept string, err error) {
	if kept, err = os.MkdirTemp("", "holdfast-journal"); err != nil {
		return "", err
	}
	return kept, os.CopyFS(kept, os.DirFS(dir))
}

// first returns the first batch of the file with that index.
func (l *longJournal) first(file int) uint64 { return uint64(l.starts[file]/longBatch) + 1 }

// point returns the point of a batch.
func (l *longJournal) point(batch uint64) journal.Point { return l.points[batch-1] }

// check opens the folder, and demands that the journal starts with the file of that index.
func (l *longJournal) check(t *testing.T, dir string, file int) {
	t.Helper()
	want := l.recs[l.starts[file]:]
	j := open(t, dir)
	defer closeJournal(t, j)
	first := j.FirstBatch()
	if first != l.first(file) {
		t.Errorf("starts with batch %d instead of %d", first, l.first(file))
	}
	recs, at, err := replay(t.Context(), j, first)
	if err != nil || !slices.Equal(recs, want) {
		t.Fatalf("%d records instead of %d, %v", len(recs), len(want), err)
	}
	if at[0] != (journal.Position{Batch: first, Record: uint64(l.starts[file]) + 1}) {
		t.Errorf("the first record is at %v", at[0])
	}
	if n := len(blocks(t, dir)); n != len(l.starts)-file {
		t.Errorf("%d block files", n)
	}
}

// TestTrim removes whole files, changes no other one, and the journal goes on.
func TestTrim(t *testing.T) {
	l := newLong(t)
	dir := copyTree(t, l.dir)
	j := open(t, dir)
	c := newCommitter(j, journal.CommitterOptions{})
	before := make(map[string]string)
	for _, name := range blocks(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		before[name] = string(content)
	}
	for _, tc := range []struct {
		upTo uint64
		file int // that the journal then starts with
	}{{0, 0}, {l.first(1) - 2, 0}, {l.first(1) - 1, 1}, {l.first(3), 3}, {l.first(2), 3}} {
		first, err := j.Trim(t.Context(), tc.upTo)
		if err != nil || first != l.first(tc.file) || j.FirstBatch() != first {
			t.Fatalf("up to %d: %d, %v; want %d", tc.upTo, first, err, l.first(tc.file))
		}
		for i, name := range slices.Sorted(maps.Keys(before)) {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if gone := errors.Is(err, os.ErrNotExist); gone != (i < tc.file) || !gone && string(content) != before[name] {
				t.Fatalf("up to %d: %s: gone %v, %d bytes", tc.upTo, name, gone, len(content))
			}
		}
	}
	mustWrite(t, c, "after")
	l.recs = append(l.recs, "after")
	if _, _, err := replay(t.Context(), j, 1); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("Replay from 1: %v", err)
	}
	if _, err := j.Point(t.Context(), j.FirstBatch()-2); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("Point of a trimmed batch: %v", err)
	}
	if err := j.Follow(t.Context(), j.FirstBatch()-1, nil); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("Follow: %v", err)
	}
	for _, batch := range []uint64{j.FirstBatch() - 1, j.FirstBatch(), j.LastBatch() - 1} {
		if p, err := j.Point(t.Context(), batch); err != nil || p != l.point(batch) {
			t.Errorf("Point(%d) is %+v, %v", batch, p, err)
		}
	}
	must(t, j.VerifyOlder(t.Context(), nil))
	killed := copyTree(t, dir)
	closeJournal(t, j)
	l.check(t, killed, 3)
	l.check(t, dir, 3)
}

// TestTrimLeavesTheNewestFile trims everything.
func TestTrimLeavesTheNewestFile(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	last := len(l.starts) - 1
	if first, err := j.Trim(t.Context(), math.MaxUint64); err != nil || first != l.first(last) {
		t.Fatal(first, err)
	}
	closeJournal(t, j)
	if _, err := j.Trim(t.Context(), math.MaxUint64); !errors.Is(err, journal.ErrClosed) {
		t.Error("after Close:", err)
	}
	l.check(t, l.dir, last)
	if first, err := open(t, t.TempDir()).Trim(t.Context(), 10); err != nil || first != 1 {
		t.Error("an empty journal:", first, err)
	}
}

// TestReadTrimmed reads and copies a trimmed journal without the store.
func TestReadTrimmed(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	_, err := j.Trim(t.Context(), l.first(2))
	must(t, err)
	running := filepath.Join(t.TempDir(), "copy")
	made := copyJournal(t, l.dir, running)
	closeJournal(t, j)
	for _, dir := range []string{l.dir, running} {
		recs, r, err := read(t, dir)
		want := journal.Report{First: l.first(2), Batches: 70 - l.first(2) + 1, Records: uint64(len(l.recs) - l.starts[2]), Bytes: r.Bytes, Acknowledged: 70}
		if err != nil || r != want || !slices.Equal(recs, l.recs[l.starts[2]:]) {
			t.Errorf("%+v, %v; want %+v", r, err, want)
		}
		l.check(t, copyTree(t, dir), 2)
	}
	if !slices.ContainsFunc(made.Files, func(f journal.CopiedFile) bool { return f.Name == "trimmed" }) {
		t.Errorf("the copy has no record of what was trimmed: %v", made.Files)
	}
}

// TestUnfinishedTrim opens the folder after a crash at every step of Trim, and also if a power
// cut kept some of the removals and not others: the journal starts where Trim wanted.
func TestUnfinishedTrim(t *testing.T) {
	const file = 3
	l := newLong(t)
	trimmed := journal.AppendTrimmed(nil, l.point(l.first(file)-1))
	names := blocks(t, l.dir)
	summary := filepath.Join(filepath.Dir(names[0]), "index.db")
	for gone := range 1 << file {
		dir := copyTree(t, l.dir)
		must(t, os.WriteFile(filepath.Join(dir, "trimmed"), trimmed, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "trimmed.new"), trimmed[:gone], 0o600))
		for i := range file {
			if gone&(1<<i) != 0 {
				must(t, os.Remove(filepath.Join(dir, names[i])))
			}
		}
		switch gone % 3 {
		case 1:
			must(t, os.RemoveAll(filepath.Join(dir, summary)))
		case 2:
			must(t, os.WriteFile(filepath.Join(dir, summary), []byte("torn"), 0o600))
		}
		if recs, r, err := read(t, dir); err != nil || r.First != l.first(file) || len(recs) != len(l.recs)-l.starts[file] {
			t.Errorf("files gone %03b: Read: %+v, %v", gone, r, err)
		}
		copied := filepath.Join(t.TempDir(), "copy")
		copyJournal(t, dir, copied)
		l.check(t, copied, file)
		l.check(t, dir, file)
		must(t, errors.Join(os.RemoveAll(dir), os.RemoveAll(copied)))
	}
	// Nothing is removed if the record is that of another journal.
	wrong := l.point(l.first(file) - 1)
	wrong.Checksum++
	for _, checked := range []journal.Point{{}, l.point(65)} {
		dir := copyTree(t, l.dir)
		must(t, os.WriteFile(filepath.Join(dir, "trimmed"), journal.AppendTrimmed(nil, wrong), 0o600))
		var damage *journal.DamageError
		if _, err := openChecked(dir, checked); !errors.As(err, &damage) || damage.Batch != l.first(file) {
			t.Errorf("record of another journal: %v", err)
		}
		if n := len(blocks(t, dir)); n != len(names) {
			t.Errorf("record of another journal: %d files are left", n)
		}
	}
	// Before the new record is in place, nothing is trimmed.
	dir := copyTree(t, l.dir)
	must(t, os.WriteFile(filepath.Join(dir, "trimmed.new"), trimmed, 0o600))
	l.check(t, dir, 0)
}

// TestLostAfterTrim takes away or changes what must be there after a trim.
func TestLostAfterTrim(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	_, err := j.Trim(t.Context(), l.first(2))
	must(t, err)
	checked := l.pointOf(t, j, 60)
	closeJournal(t, j)
	names := blocks(t, l.dir)
	s := specimen{"trimmed", l.dir, l.recs[l.starts[2]:]}
	cases := map[string]func(dir string){
		"record of the trim lost": func(dir string) { must(t, os.Remove(filepath.Join(dir, "trimmed"))) },
		"an older record of it": func(dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "trimmed"), journal.AppendTrimmed(nil, journal.Point{Batch: 1, Record: longBatch}), 0o600))
		},
		"another checksum": func(dir string) {
			p := journal.Point{Batch: l.first(2) - 1, Record: uint64(l.starts[2]), Checksum: 1}
			must(t, os.WriteFile(filepath.Join(dir, "trimmed"), journal.AppendTrimmed(nil, p), 0o600))
		},
		"all files lost": func(dir string) { must(t, os.RemoveAll(filepath.Join(dir, "jetstream"))) },
	}
	for i, name := range names {
		cases[fmt.Sprintf("file %d lost", i)] = func(dir string) { must(t, os.Remove(filepath.Join(dir, name))) }
	}
	for bit := range 8 * 28 {
		change := func(b []byte) []byte { b[bit/8] ^= 1 << (bit % 8); return b }
		edit(t, filepath.Join(l.dir, "trimmed"), change)
		var damage *journal.DamageError
		if _, err := journal.Open(t.Context(), journal.Options{Dir: l.dir}); !errors.As(err, &damage) || damage.File != "trimmed" {
			t.Errorf("bit %d of the record flipped: %v", bit, err)
		}
		edit(t, filepath.Join(l.dir, "trimmed"), change)
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			dir := copyTree(t, s.dir)
			defer os.RemoveAll(dir)
			change(dir)
			for _, checked := range []journal.Point{{}, checked} {
				j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Checked: checked})
				if err == nil && checked.Batch > 0 {
					err = errors.Join(j.VerifyOlder(t.Context(), nil), j.Close(t.Context()))
				}
				var damage *journal.DamageError
				if !errors.As(err, &damage) {
					t.Errorf("checked batch %d: %v", checked.Batch, err)
				}
			}
		})
	}
}

func (l *longJournal) pointOf(t *testing.T, j *journal.Journal, batch uint64) journal.Point {
	t.Helper()
	p, err := j.Point(t.Context(), batch)
	must(t, err)
	return p
}

// TestTrimWhileWriting trims again and again while batches are written, read and watched.
func TestTrimWhileWriting(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	var failed atomic.Pointer[error]
	c := newCommitter(j, journal.CommitterOptions{OnFailure: func(err error) { failed.Store(&err) }})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { // reads what is there; what it misses was trimmed
		for ctx.Err() == nil {
			if _, _, err := replay(ctx, j, j.FirstBatch()); err != nil && !errors.Is(err, journal.ErrTrimmed) && ctx.Err() == nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	go func() {
		for ctx.Err() == nil {
			last := j.LastBatch()
			first, err := j.Trim(ctx, last-min(last, 20))
			if err == nil && first != j.FirstBatch() {
				err = fmt.Errorf("Trim returned %d, the journal starts with %d", first, j.FirstBatch())
			}
			if err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	var all []string
	for i := range 120 {
		journal.Look(c)
		all = append(all, numbered(i+1, 400<<10))
		mustWrite(t, c, all[i])
	}
	stop()
	must(t, errors.Join(<-ended, <-ended))
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
	first := j.FirstBatch()
	if first == 1 {
		t.Error("nothing was trimmed")
	}
	closeJournal(t, j)
	j = open(t, dir)
	recs, _, err := replay(t.Context(), j, j.FirstBatch())
	if err != nil || j.FirstBatch() < first || !slices.Equal(recs, all[j.FirstBatch()-1:]) {
		t.Errorf("from batch %d: %d records, %v", j.FirstBatch(), len(recs), err)
	}
}

// TestTrimWaitsForCopies: a copy of a running journal keeps the files that it reads.
func TestTrimWaitsForCopies(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	to, tried := filepath.Join(t.TempDir(), "copy"), false
	_, err := journal.Copy(t.Context(), journal.CopyOptions{From: l.dir, To: to, Each: func(b *journal.Batch) error {
		if b.Number == 1 {
			tried = true
			if first, err := j.Trim(t.Context(), 60); !errors.Is(err, journal.ErrCopying) || first != 1 {
				t.Errorf("Trim during a copy: %d, %v", first, err)
			}
		}
		return nil
	}})
	must(t, err)
	l.check(t, to, 0)
	if first, err := j.Trim(t.Context(), l.first(1)); err != nil || first != l.first(1) || !tried {
		t.Errorf("Trim after the copy: %d, %v", first, err)
	}
}

// TestTrimRefusesDamage: Trim removes nothing if it finds damage in what it would remove, and
// the journal goes on.
func TestTrimRefusesDamage(t *testing.T) {
	l := newLong(t)
	checked := l.point(65)
	name := blocks(t, l.dir)[1]
	flip(t, filepath.Join(l.dir, name), 1<<20)
	j, err := journal.Open(t.Context(), journal.Options{Dir: l.dir, Checked: checked})
	must(t, err)
	defer closeJournal(t, j)
	before := snapshotOf(t, filepath.Join(l.dir, filepath.Dir(name)))
	first, err := j.Trim(t.Context(), 40)
	var damage *journal.DamageError
	if !errors.As(err, &damage) || damage.File != name || first != 1 {
		t.Errorf("%d, %v", first, err)
	}
	if after := snapshotOf(t, filepath.Join(l.dir, filepath.Dir(name))); !bytes.Equal(after, before) {
		t.Error("the folder has changed")
	}
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "after")
}

// TestTrimRefusesAChangedStart: the start of the first file that stays says where the journal goes
// on. Trim removes nothing if another program has overwritten it.
func TestTrimRefusesAChangedStart(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"zeros":        func(entry []byte) { clear(entry[:4096]) },
		"other number": func(entry []byte) { entry[9] = 1 },
		"no header":    func(entry []byte) { clear(entry[22:]) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLong(t)
			j := open(t, l.dir)
			defer closeJournal(t, j)
			names := blocks(t, l.dir)
			newest := names[len(names)-1]
			edit(t, filepath.Join(l.dir, newest), func(b []byte) []byte { change(b); return b })
			first, err := j.Trim(t.Context(), math.MaxUint64)
			var damage *journal.DamageError
			if !errors.As(err, &damage) || damage.File != newest || first != 1 {
				t.Errorf("%d, %v", first, err)
			}
			if there := blocks(t, l.dir); !slices.Equal(there, names) {
				t.Errorf("%d files are left of %d", len(there), len(names))
			}
		})
	}
}

// TestRetention: the candidates for a trim are batches at the end of a file.
func TestRetention(t *testing.T) {
	l := newLong(t)
	j := open(t, l.dir)
	total := int64(0)
	var sizes []int64
	for _, name := range blocks(t, l.dir) {
		fi, err := os.Stat(filepath.Join(l.dir, name))
		must(t, err)
		total, sizes = total+fi.Size(), append(sizes, fi.Size())
	}
	if got := j.SizeBytes(); got != total {
		t.Errorf("%d bytes instead of %d", got, total)
	}
	for _, tc := range []struct {
		bytes int64
		want  uint64
	}{
		{total, 0}, {total - 1, l.first(1) - 1}, {total - sizes[0], l.first(1) - 1}, {total - sizes[0] - 1, l.first(2) - 1},
		{0, l.first(len(sizes)-1) - 1},
	} {
		if got := j.OverSize(tc.bytes); got != tc.want {
			t.Errorf("OverSize(%d) is %d instead of %d", tc.bytes, got, tc.want)
		}
	}
	times := map[uint64]int64{}
	stop := errors.New("stop")
	err := j.Follow(t.Context(), 1, func(b *journal.Batch) error {
		times[b.Number] = b.Time
		if b.Number > 1 && b.Time < times[b.Number-1] {
			t.Errorf("batch %d is older than the one before", b.Number)
		}
		if b.CaughtUp {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if age := time.Since(time.Unix(0, times[1])); age < 0 || age > time.Hour {
		t.Errorf("batch 1 is from %v ago", age)
	}
	_, err = journal.Read(t.Context(), journal.ReadOptions{Dir: copyTree(t, l.dir), Each: func(b *journal.Batch) error {
		if b.Time != times[b.Number] {
			t.Errorf("batch %d: time %d from the files, %d from the store", b.Number, b.Time, times[b.Number])
		}
		return nil
	}})
	must(t, err)
	for file := 1; file < len(sizes); file++ {
		first := l.first(file)
		for _, tc := range []struct {
			at   int64
			want uint64
		}{{times[first], l.first(file-1) - 1}, {times[first] + 1, first - 1}} {
			if got := j.OlderThan(time.Unix(0, tc.at)); got != tc.want {
				t.Errorf("file %d: OlderThan is %d instead of %d", file, got, tc.want)
			}
		}
	}
}
