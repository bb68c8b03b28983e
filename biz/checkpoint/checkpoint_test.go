package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
)

// section is one section of a test file.
type section struct {
	key     uint32
	content string
}

var small = []section{{0, "the book"}, {100001, "alice"}, {100002, ""}, {1<<32 - 1, "last"}}

// save writes a checkpoint of a batch.
func save(t testing.TB, dir string, batch uint64, sections ...section) *checkpoint.Checkpoint {
	t.Helper()
	w, err := checkpoint.Create(dir, pointOf(batch), checkpoint.Log{})
	must(t, err)
	for _, s := range sections {
		must(t, w.Add(s.key, []byte(s.content)))
	}
	c, err := w.Finish(endOf(batch))
	must(t, err)
	must(t, w.Abort())
	return c
}

func pointOf(batch uint64) journal.Point {
	return journal.Point{Batch: batch, Record: batch * 3, Checksum: 0xdeadbeef}
}

func endOf(batch uint64) checkpoint.End {
	return checkpoint.End{Through: batch + 2, Time: 1_700_000_000_000_000_000, StateHash: [32]byte{1, 2, 31: 9}}
}

// load returns the sections of a checkpoint.
func load(t testing.TB, c *checkpoint.Checkpoint) (all []section) {
	t.Helper()
	must(t, c.Sections(func(key uint32, content []byte) error {
		all = append(all, section{key, string(content)})
		return nil
	}))
	return all
}

// newest returns the newest good checkpoint, which must be there.
func newest(t testing.TB, dir string) (*checkpoint.Checkpoint, []error) {
	t.Helper()
	c, unusable, err := checkpoint.Newest(dir, 0)
	must(t, err)
	if c == nil {
		t.Fatal("no checkpoint", unusable)
	}
	return c, unusable
}

// TestCheckpointReadsBack: also sections that are larger than all buffers, and none.
func TestCheckpointReadsBack(t *testing.T) {
	var many []section
	for n := range 3000 {
		many = append(many, section{uint32(n), strings.Repeat(fmt.Sprint(n, " "), n)})
	}
	many = append(many, section{7, strings.Repeat("large ", 1<<20)}, section{8, "after it"})
	for name, sections := range map[string][]section{"small": small, "no sections": nil, "many": many} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			written := save(t, dir, 42, sections...)
			c, unusable := newest(t, dir)
			if len(unusable) > 0 || *c != *written || c.Point != pointOf(42) || c.End != endOf(42) {
				t.Errorf("%+v, want %+v; unusable: %v", c, written, unusable)
			}
			if fi, err := os.Stat(c.Path); err != nil || fi.Size() != c.SizeBytes {
				t.Errorf("%d bytes: %v", c.SizeBytes, err)
			}
			if got := load(t, c); !slices.Equal(got, sections) {
				t.Errorf("%d sections, want %d", len(got), len(sections))
			}
		})
	}
}

// TestDamageIsFound: every flipped bit, every cut, and every byte too many. The older file is
// used, and the reason names the file.
func TestDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	older, c := save(t, dir, 41, small...), save(t, dir, 42, small...)
	content, err := os.ReadFile(c.Path)
	must(t, err)
	refused := func(what string, changed []byte) {
		t.Helper()
		must(t, os.WriteFile(c.Path, changed, 0o600))
		used, unusable := newest(t, dir)
		if used.Point != older.Point || len(unusable) != 1 || !strings.Contains(unusable[0].Error(), c.Path) || !errors.Is(unusable[0], checkpoint.ErrDamaged) {
			t.Fatalf("%s: %v, %v", what, used, unusable)
		}
	}
	for at := range content {
		for bit := range 8 {
			changed := bytes.Clone(content)
			changed[at] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d of %d", bit, at, len(content)), changed)
		}
		refused(fmt.Sprintf("the first %d bytes of %d", at, len(content)), content[:at])
		refused(fmt.Sprintf("%d bytes more", at+1), append(bytes.Clone(content), content[:at+1]...))
	}
	refused("zeros after it", append(bytes.Clone(content), 0))
	must(t, os.WriteFile(c.Path, content, 0o600))
	if used, _ := newest(t, dir); used.Point != c.Point {
		t.Error("the mended file is not used")
	}
}

// TestDamageAfterTheCheck: what changes after a file was checked is found when it is read.
func TestDamageAfterTheCheck(t *testing.T) {
	dir := t.TempDir()
	c := save(t, dir, 42, small...)
	content, err := os.ReadFile(c.Path)
	must(t, err)
	for at := range len(content) - 32 { // the rest is the SHA-256
		changed := bytes.Clone(content)
		changed[at] ^= 0x10
		must(t, os.WriteFile(c.Path, changed, 0o600))
		if err := c.Sections(func(uint32, []byte) error { return nil }); !errors.Is(err, checkpoint.ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	must(t, os.Remove(c.Path))
	must(t, os.Remove(c.LogPath()))
	save(t, dir, 42, small[:1]...)
	if err := c.Sections(func(uint32, []byte) error { return nil }); err != nil {
		t.Errorf("another file with the same states: %v", err)
	}
}

// TestFilesThatAreNoCheckpoints are not used: a file under the name of another batch, one of
// another release, a folder.
func TestFilesThatAreNoCheckpoints(t *testing.T) {
	dir := t.TempDir()
	c := save(t, dir, 42, small...)
	must(t, os.Rename(c.Path, filepath.Join(dir, "43")))
	must(t, os.Mkdir(filepath.Join(dir, "44"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "45"), checkpoint.OtherVersion(pointOf(45)), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "046"), nil, 0o600))
	found, unusable, err := checkpoint.Newest(dir, 0)
	if found != nil || len(unusable) != 3 || err != nil {
		t.Fatalf("%v, %v, %v", found, unusable, err)
	}
	for n, want := range []error{checkpoint.ErrVersion, checkpoint.ErrDamaged, checkpoint.ErrDamaged} {
		if !errors.Is(unusable[n], want) {
			t.Errorf("%v, want %v", unusable[n], want)
		}
	}
}

// TestNewestBefore looks for an older file than one that turned out to be unusable.
func TestNewestBefore(t *testing.T) {
	dir := t.TempDir()
	if c, unusable, err := checkpoint.Newest(filepath.Join(dir, "missing"), 0); c != nil || unusable != nil || err != nil {
		t.Errorf("in a missing folder: %v, %v, %v", c, unusable, err)
	}
	for _, batch := range []uint64{9, 10, 100} { // by number, not by name
		save(t, dir, batch, small...)
	}
	for before, want := range map[uint64]uint64{0: 100, 100: 10, 10: 9, 9: 0} {
		c, _, err := checkpoint.Newest(dir, before)
		must(t, err)
		if c == nil && want != 0 || c != nil && c.Point.Batch != want {
			t.Errorf("before %d: %v, want %d", before, c, want)
		}
	}
}

// TestKeepRemovesTheRest, and what an interrupted Writer has left; not what is not a checkpoint.
func TestKeepRemovesTheRest(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, 1, small...)
	c, d := save(t, dir, 2, small...), save(t, dir, 3, small...)
	w, err := checkpoint.Create(dir, pointOf(4), checkpoint.Log{})
	must(t, err)
	must(t, w.Add(1, []byte("cut off")))
	must(t, os.WriteFile(filepath.Join(dir, "README"), nil, 0o600))
	if found, unusable := newest(t, dir); found.Point != d.Point || len(unusable) > 0 {
		t.Errorf("beside an incomplete file: %v, %v", found, unusable)
	}
	must(t, checkpoint.Keep(dir, d, c))
	must(t, w.Abort())
	if names := namesIn(t, dir); !slices.Equal(names, []string{"2", "3", "README"}) {
		t.Errorf("left are %v", names)
	}
}

// TestAbortLeavesNothing: after an error the folder is as before.
func TestAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, 1, small...)
	w, err := checkpoint.Create(dir, pointOf(2), checkpoint.Log{})
	must(t, err)
	must(t, w.Add(1, make([]byte, 1<<20)))
	must(t, w.Abort())
	if names := namesIn(t, dir); !slices.Equal(names, []string{"1"}) {
		t.Errorf("left are %v", names)
	}
}

// TestRestAfterEachPiece: the owner can leave the disk to others.
func TestRestAfterEachPiece(t *testing.T) {
	w, err := checkpoint.Create(t.TempDir(), pointOf(2), checkpoint.Log{})
	must(t, err)
	rests, stop := 0, errors.New("stop")
	w.Rest = func(took time.Duration) error {
		if rests++; rests == 3 {
			return stop
		}
		return nil
	}
	for err == nil && rests < 10 {
		err = w.Add(1, make([]byte, 1000))
	}
	if !errors.Is(err, stop) || rests != 3 {
		t.Errorf("%d rests, then %v", rests, err)
	}
	must(t, w.Abort())
}

// TestSameBatchAgain: a second file of a batch replaces the first.
func TestSameBatchAgain(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, 5, small...)
	save(t, dir, 5, small[:2]...)
	if c, _ := newest(t, dir); len(load(t, c)) != 2 {
		t.Error("the first file of the batch is still there")
	}
}

// namesIn returns the names in a folder, without those of logs.
func namesIn(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".log") {
			names = append(names, e.Name())
		}
	}
	return names
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
