package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// A specimen is a folder to be damaged, and what it holds.
type specimen struct {
	name string
	dir  string
	recs []string
}

// specimens makes one folder that was closed and one as a kill leaves it.
func specimens(t *testing.T, batches, records, size int) []specimen {
	t.Helper()
	dir := t.TempDir()
	j := open(t, dir)
	recs := writeBatches(t, newCommitter(j, journal.CommitterOptions{}), batches, records, size)
	killed := copyTree(t, dir)
	closeJournal(t, j)
	return []specimen{{"after a clean stop", dir, recs}, {"after a kill", killed, recs}}
}

// readAll opens the folder and reads everything.
func readAll(dir string) ([]string, error) {
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	recs, _, err := replay(ctx, j, 1)
	return recs, errors.Join(err, j.Close(ctx))
}

// openAndRead only says what is wrong.
func openAndRead(dir string) error {
	j, err := journal.Open(context.Background(), journal.Options{Dir: dir})
	if err != nil {
		return err
	}
	_, _, err = replay(context.Background(), j, 1)
	return errors.Join(err, j.Close(context.Background()))
}

// refused changes a copy of the specimen and reports whether Open refuses it. If not, every
// record must be there unchanged. A second Open must refuse it too: the store repairs files
// when it starts.
func (s specimen) refused(t *testing.T, what string, change func(dir string)) bool {
	t.Helper()
	dir := copyTree(t, s.dir)
	defer os.RemoveAll(dir)
	change(dir)
	recs, err := readAll(dir)
	if err == nil && !slices.Equal(recs, s.recs) {
		t.Errorf("%s: %d of %d records served as if nothing were wrong", what, len(recs), len(s.recs))
	}
	if err == nil {
		return false
	}
	if recs, again := readAll(dir); again == nil {
		t.Errorf("%s: refused with %q, then %d records served", what, err, len(recs))
	}
	return true
}

// flip changes one bit of the byte at an offset.
func flip(t *testing.T, path string, at int) {
	edit(t, path, func(b []byte) []byte { b[at] ^= 0x10; return b })
}

// each calls f for offsets from, from+step... of a file.
func each(t *testing.T, path string, from, step int, f func(at int)) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := max(from, 0); at < int(fi.Size()); at += step {
		f(at)
	}
}

// stride is how far apart the damaged bytes lie. HOLDFAST_LONG=1 takes every
// byte, which is best done with TMPDIR in memory.
func stride(short, full int) int {
	switch {
	case os.Getenv("HOLDFAST_LONG") != "":
		return 1
	case testing.Short():
		return short
	}
	return full
}

// TestFlippedBlock flips a bit at many places of the block files. Every flip
// must be refused.
func TestFlippedBlock(t *testing.T) {
	for _, s := range specimens(t, 40, 10, 100) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range blocks(t, s.dir) {
				each(t, filepath.Join(s.dir, name), 0, stride(2503, 359), func(at int) {
					if !s.refused(t, "flip", func(dir string) { flip(t, filepath.Join(dir, name), at) }) {
						t.Errorf("flip at %s:%d was not refused", name, at)
					}
				})
			}
		})
	}
}

// TestFlippedAnywhere flips bits in all other files. Files that the store can recreate may
// be accepted, but then nothing may be missing.
func TestFlippedAnywhere(t *testing.T) {
	for _, s := range specimens(t, 5, 3, 50) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range files(t, s.dir) {
				if strings.HasSuffix(name, ".blk") {
					continue
				}
				flips, refused := 0, 0
				each(t, filepath.Join(s.dir, name), 0, stride(53, 11), func(at int) {
					flips++
					if s.refused(t, name, func(dir string) { flip(t, filepath.Join(dir, name), at) }) {
						refused++
					}
				})
				t.Logf("%s: %d of %d flips refused", name, refused, flips)
				if name == "mark" && refused != flips {
					t.Errorf("flips in the mark: %d of %d refused", refused, flips)
				}
			}
		})
	}
}

// TestTruncated cuts the last block at many places. Everything that is cut off was
// acknowledged, so every cut must be refused.
func TestTruncated(t *testing.T) {
	for _, s := range specimens(t, 40, 10, 100) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			names := blocks(t, s.dir)
			name := names[len(names)-1]
			each(t, filepath.Join(s.dir, name), 0, stride(2503, 359), func(at int) {
				if !s.refused(t, "cut", func(dir string) {
					edit(t, filepath.Join(dir, name), func(b []byte) []byte { return b[:at] })
				}) {
					t.Errorf("cut at %d was not refused", at)
				}
			})
		})
	}
}

// TestTornTail appends the beginning of a write that was never acknowledged: it
// is cut off and the journal goes on.
func TestTornTail(t *testing.T) {
	s := specimens(t, 5, 3, 50)[1]
	first := blocks(t, s.dir)[0]
	second := strings.Replace(first, "1.blk", "2.blk", 1)
	torn := func(name string, n int) {
		dir := copyTree(t, s.dir)
		edit(t, filepath.Join(dir, first), func(b []byte) []byte {
			tail := startOfEntry(b, n, 6)
			if name == first {
				return append(b, tail...)
			}
			if err := os.WriteFile(filepath.Join(dir, name), tail, 0o600); err != nil {
				t.Fatal(err)
			}
			return b
		})
		var log bytes.Buffer
		j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		// The store has nothing to say: it took our summary of the files.
		if want := fmt.Sprintf("bytes=%d", n); !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("torn after %d bytes: log %q", n, log.String())
		}
		mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "next")
		recs, _, err := replay(t.Context(), j, 1)
		if err != nil || !slices.Equal(recs, append(slices.Clone(s.recs), "next")) {
			t.Errorf("torn after %d bytes: %d records (%v)", n, len(recs), err)
		}
		closeJournal(t, j)
	}
	for _, n := range []int{1, 3, 4, 21, 22, 60, 200} {
		torn(first, n)
		torn(second, n)
	}
}

// startOfEntry returns the first n bytes of the first entry of a block, as the entry of another batch.
func startOfEntry(block []byte, n int, number uint64) []byte {
	entry := bytes.Clone(block[:max(n, 12)])
	binary.LittleEndian.PutUint64(entry[4:], number)
	return entry[:n]
}

// TestLostFiles takes files away or exchanges them.
func TestLostFiles(t *testing.T) {
	all := specimens(t, 24, 1, 900_000)
	names := blocks(t, all[0].dir)
	if len(names) < 3 {
		t.Fatalf("only %d blocks", len(names))
	}
	stream := filepath.Join("jetstream", "$G", "streams", "JOURNAL")
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name   string
		change func(*testing.T, string)
	}{
		{"first block", remove(names[0])},
		{"middle block", remove(names[1])},
		{"last block", remove(names[len(names)-1])},
		{"stream", remove(stream)},
		{"everything but the mark", remove("jetstream")},
		{"mark", remove("mark")},
		{"mark of another journal", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "mark"), journal.AppendMark(nil, 13, 0xdeadbeef), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"two blocks exchanged", func(t *testing.T, dir string) {
			a, b := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
			if err := errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, s := range all {
		for _, tc := range cases {
			t.Run(s.name+"/"+tc.name, func(t *testing.T) {
				if !s.refused(t, tc.name, func(dir string) { tc.change(t, dir) }) {
					t.Error("not refused")
				}
			})
		}
	}
}

// TestDamageIsNamed flips a bit in the 13th of 24 batches, in the middle one of
// three blocks.
func TestDamageIsNamed(t *testing.T) {
	cases := []struct {
		name string
		at   int // from the start of the store's entry
	}{
		{"size", 1},
		{"has headers", 3},
		{"batch number, low", 4},
		{"batch number, high", 10},
		{"length of the subject", 20},
		{"subject", 25},
		{"length of the headers", 36},
		{"content", 100_000},
	}
	for _, s := range specimens(t, 24, 1, 900_000) {
		name := blocks(t, s.dir)[1]
		for _, tc := range cases {
			t.Run(s.name+"/"+tc.name, func(t *testing.T) {
				dir := copyTree(t, s.dir)
				edit(t, filepath.Join(dir, name), func(b []byte) []byte {
					before, _, _ := bytes.Cut(b, []byte("13:xxx"))
					entry := bytes.LastIndex(before, []byte("journal.batch")) - 22
					b[entry+tc.at] ^= 0x80
					return b
				})
				err := openAndRead(dir)
				var damage *journal.DamageError
				if !errors.As(err, &damage) || damage.Dir != dir || !strings.Contains(err.Error(), dir) {
					t.Fatal(err)
				}
				if damage.Batch != 13 || damage.File != name || !strings.Contains(err.Error(), name+", batch 1") {
					t.Errorf("%v, want batch 13 in %s", err, name)
				}
			})
		}
	}
}

// TestNotATornTail appends more bytes than one torn write can have.
func TestNotATornTail(t *testing.T) {
	for _, s := range specimens(t, 5, 3, 50) {
		name := blocks(t, s.dir)[0]
		if !s.refused(t, "long tail", func(dir string) {
			edit(t, filepath.Join(dir, name), func(b []byte) []byte { return append(b, make([]byte, 2<<20)...) })
		}) {
			t.Errorf("%s: not refused", s.name)
		}
	}
}

// TestBrokenChain stores complete batches that do not continue the chain.
func TestBrokenChain(t *testing.T) {
	cases := []struct {
		name  string
		third func(prev uint32) []byte
		what  string
	}{
		{"none", func(prev uint32) []byte { return journal.AppendMessage(nil, prev, 3, []byte("c")) }, ""},
		{"record left out", func(prev uint32) []byte { return journal.AppendMessage(nil, prev, 4, []byte("c")) }, "record 4 instead of 3"},
		{"record twice", func(prev uint32) []byte { return journal.AppendMessage(nil, prev, 2, []byte("c")) }, "record 2 instead of 3"},
		{"another predecessor", func(prev uint32) []byte { return journal.AppendMessage(nil, prev+1, 3, []byte("c")) }, "follows"},
		{"no batch", func(uint32) []byte { return []byte("something else that is long enough") }, "start like a batch"},
		{"too short", func(uint32) []byte { return []byte("HFJ\x01") }, "impossible size"},
		{"empty", func(prev uint32) []byte { return journal.AppendMessage(nil, prev, 3) }, "count"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			j := open(t, t.TempDir())
			c := newCommitter(j, journal.CommitterOptions{})
			mustWrite(t, c, "a")
			mustWrite(t, c, "b")
			stored, err := j.Fetch(2)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Publish(tc.third(journal.ChecksumOf(stored)), 2); err != nil {
				t.Fatal(err)
			}
			j.AdvanceTo(3)
			recs, _, err := replay(t.Context(), j, 1)
			var damage *journal.DamageError
			switch {
			case tc.what == "" && (err != nil || len(recs) != 3):
				t.Fatalf("%q, %v", recs, err)
			case tc.what != "" && (!errors.As(err, &damage) || damage.Batch != 3 || !strings.Contains(damage.What, tc.what)):
				t.Fatalf("%v, want batch 3: %s", err, tc.what)
			case tc.what != "" && len(recs) != 2:
				t.Fatalf("read %q", recs)
			}
		})
	}
}

// TestUnmarkedBatch opens a folder whose last batch is on the disk but was not
// acknowledged, as when the process dies in between.
func TestUnmarkedBatch(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "a", "b")
	stored, err := j.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Publish(journal.AppendMessage(nil, journal.ChecksumOf(stored), 3, []byte("c")), 1); err != nil {
		t.Fatal(err)
	}
	closeJournal(t, j)
	j = open(t, dir)
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "d")
	recs, _, err := replay(t.Context(), j, 1)
	if want := []string{"a", "b", "c", "d"}; err != nil || !slices.Equal(recs, want) {
		t.Fatalf("%q (%v), want %q", recs, err, want)
	}
}

// TestUnmarkedBatchIsWrittenAgain: what was never acknowledged may be in the kernel's
// memory only, after an fsync that failed. Open writes it again, and nothing else.
func TestUnmarkedBatchIsWrittenAgain(t *testing.T) {
	for _, unmarked := range []bool{false, true} {
		dir := t.TempDir()
		j := open(t, dir)
		mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "a")
		if unmarked {
			stored, err := j.Fetch(1)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Publish(journal.AppendMessage(nil, journal.ChecksumOf(stored), 2, []byte("b")), 1); err != nil {
				t.Fatal(err)
			}
		}
		closeJournal(t, j)
		block := filepath.Join(dir, blocks(t, dir)[0])
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(block, long, long); err != nil {
			t.Fatal(err)
		}
		open(t, dir)
		fi, err := os.Stat(block)
		if err != nil {
			t.Fatal(err)
		}
		if written := fi.ModTime().After(long.Add(time.Minute)); written != unmarked {
			t.Errorf("unmarked batch: %v, block written: %v", unmarked, written)
		}
	}
}

// TestEvidenceStays damages batches in the last block: Open refuses the block before the
// store can cut it, and does not change it.
func TestEvidenceStays(t *testing.T) {
	cases := []struct {
		name   string
		change func([]byte) []byte
	}{
		{"flip in the middle", func(b []byte) []byte { b[bytes.Index(b, []byte("100:xxx"))+9] ^= 1; return b }},
		{"flip in the last batch", func(b []byte) []byte { b[len(b)-100] ^= 1; return b }},
		{"cut in the middle", func(b []byte) []byte { return b[:len(b)/2] }},
		{"cut in the last batch", func(b []byte) []byte { return b[:len(b)-100] }},
	}
	for _, s := range specimens(t, 20, 10, 100) {
		for _, tc := range cases {
			t.Run(s.name+"/"+tc.name, func(t *testing.T) {
				dir := copyTree(t, s.dir)
				path := filepath.Join(dir, blocks(t, dir)[0])
				var before []byte
				edit(t, path, func(b []byte) []byte { before = tc.change(b); return before })
				if err := openAndRead(dir); err == nil {
					t.Error("not refused")
				}
				if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
					t.Errorf("%d bytes became %d (%v)", len(before), len(after), err)
				}
			})
		}
	}
}

// TestDamageInFrontOfTheLastBlock damages the end of a block that is not the last one: this
// is never a torn write, however short.
func TestDamageInFrontOfTheLastBlock(t *testing.T) {
	for _, s := range specimens(t, 24, 1, 900_000) {
		dir := copyTree(t, s.dir)
		if err := os.WriteFile(filepath.Join(dir, "mark"), journal.AppendMark(nil, 0, 0), 0o600); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, blocks(t, dir)[0])
		var before []byte
		edit(t, path, func(b []byte) []byte { before = b[:len(b)-100]; return before })
		var damage *journal.DamageError
		if err := openAndRead(dir); !errors.As(err, &damage) || damage.File != blocks(t, dir)[0] {
			t.Errorf("%s: %v", s.name, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
			t.Errorf("%s: %d bytes became %d (%v)", s.name, len(before), len(after), err)
		}
	}
}
