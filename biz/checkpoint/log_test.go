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

	"holdfast/biz/checkpoint"
)

// saveLog writes a checkpoint of a batch that goes on with a log.
func saveLog(t testing.TB, dir string, batch uint64, after checkpoint.Log, sections ...section) *checkpoint.Checkpoint {
	t.Helper()
	w, err := checkpoint.Create(dir, pointOf(batch), after)
	must(t, err)
	for _, s := range sections {
		must(t, w.AddLog(s.key, []byte(s.content)))
	}
	must(t, w.Add(1, []byte("state")))
	c, err := w.Finish(endOf(batch))
	must(t, err)
	return c
}

// readLog returns the sections of a log, which must be good.
func readLog(t testing.TB, c *checkpoint.Checkpoint) (all []section) {
	t.Helper()
	must(t, c.LogSections(func(key uint32, content []byte) error {
		all = append(all, section{key, string(content)})
		return nil
	}))
	return all
}

// TestLogGoesOn: each checkpoint has what it and those before have added, in the file and by its index;
// what was added for one that was never completed does not count.
func TestLogGoesOn(t *testing.T) {
	dir := t.TempDir()
	first := saveLog(t, dir, 1, checkpoint.Log{}, section{1, "a"}, section{2, "b"})
	other := saveLog(t, dir, 2, checkpoint.Log{}, section{9, "other"})
	w, err := checkpoint.Create(dir, pointOf(3), first.Log)
	must(t, err)
	must(t, w.AddLog(7, make([]byte, 1<<20)))
	must(t, w.Abort())
	second := saveLog(t, dir, 3, first.Log, section{1, "c"}, section{3, strings.Repeat("large ", 1<<20)}, section{1, ""})
	must(t, checkpoint.Keep(dir, second, other))

	if got, want := readLog(t, second), []section{{1, "a"}, {2, "b"}, {1, "c"}, {3, strings.Repeat("large ", 1<<20)}, {1, ""}}; !slices.Equal(got, want) {
		t.Errorf("%d sections, want %d", len(got), len(want))
	}
	if got := readLog(t, other); !slices.Equal(got, []section{{9, "other"}}) {
		t.Errorf("the other log: %v", got)
	}
	if c, unusable := newest(t, dir); *c != *second || len(unusable) > 0 {
		t.Errorf("%+v, want %+v; %v", c, second, unusable)
	}
	x, err := second.IndexLog(func(uint32, []byte) error { return nil })
	must(t, err)
	defer x.Close()
	for key, want := range map[uint32][]string{1: {"a", "c", ""}, 2: {"b"}, 4: nil} {
		var got []string
		must(t, x.Sections(key, func(content []byte) error {
			got = append(got, string(content))
			return nil
		}))
		if !slices.Equal(got, want) {
			t.Errorf("key %d: %q, want %q", key, got, want)
		}
	}
}

// TestLogDamageIsFound: every flipped bit and every cut of the part that counts, wherever it is read.
func TestLogDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	older := saveLog(t, dir, 40, checkpoint.Log{}, section{5, "older"})
	first := saveLog(t, dir, 41, checkpoint.Log{}, section{1, "a"}, section{2, "b"})
	c := saveLog(t, dir, 42, first.Log, section{1, "c"})
	must(t, checkpoint.Keep(dir, c, older))
	content, err := os.ReadFile(c.LogPath())
	must(t, err)
	nothing := func(uint32, []byte) error { return nil }
	x, err := c.IndexLog(nothing)
	must(t, err)
	defer x.Close()
	refused := func(what string, changed []byte) {
		t.Helper()
		must(t, os.WriteFile(c.LogPath(), changed, 0o600))
		good, unusable, err := checkpoint.All(dir)
		must(t, err)
		if len(good) != 1 || good[0].Point != older.Point || len(unusable) != 1 || !strings.Contains(unusable[0].Error(), c.LogPath()) {
			t.Fatalf("%s: %v, %v", what, good, unusable)
		}
		if err := c.LogSections(nothing); !errors.Is(err, checkpoint.ErrDamaged) && !errors.Is(err, checkpoint.ErrVersion) {
			t.Fatalf("%s: %v", what, err)
		}
		if again, err := c.IndexLog(nothing); !errors.Is(err, checkpoint.ErrDamaged) && !errors.Is(err, checkpoint.ErrVersion) {
			t.Fatalf("%s: %v, %v", what, again, err)
		}
	}
	for at := range content {
		for bit := range 8 {
			changed := bytes.Clone(content)
			changed[at] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d of %d", bit, at, len(content)), changed)
		}
		refused(fmt.Sprintf("the first %d bytes of %d", at, len(content)), content[:at])
	}
	changed := bytes.Clone(content)
	changed[len(changed)-1] ^= 1
	must(t, os.WriteFile(c.LogPath(), changed, 0o600))
	if err := x.Sections(1, func([]byte) error { return nil }); !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("changed after it was indexed: %v", err)
	}
	must(t, os.Remove(c.LogPath()))
	if used, unusable := newest(t, dir); used.Point != older.Point || len(unusable) != 1 || errors.Is(unusable[0], os.ErrNotExist) {
		t.Errorf("without its log: %v, %v", used, unusable)
	}
	must(t, os.WriteFile(c.LogPath(), append(bytes.Clone(content), "of an interrupted one"...), 0o600))
	if used, unusable := newest(t, dir); used.Point != c.Point || len(unusable) > 0 || len(readLog(t, used)) != 3 {
		t.Errorf("with more bytes after it: %v, %v", used, unusable)
	}
}

// TestLogThatCannotGoOn: one that is missing or too short.
func TestLogThatCannotGoOn(t *testing.T) {
	dir := t.TempDir()
	c := saveLog(t, dir, 1, checkpoint.Log{}, section{1, "a"})
	must(t, os.Truncate(c.LogPath(), c.Log.SizeBytes-1))
	if _, err := checkpoint.Create(dir, pointOf(2), c.Log); !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("too short: %v", err)
	}
	must(t, os.Remove(c.LogPath()))
	if _, err := checkpoint.Create(dir, pointOf(2), c.Log); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestLogsThatStay: Keep removes all but those of its checkpoints, and Abort those that it has made.
func TestLogsThatStay(t *testing.T) {
	dir := t.TempDir()
	first := saveLog(t, dir, 1, checkpoint.Log{}, section{1, "a"})
	second := saveLog(t, dir, 2, checkpoint.Log{}, section{1, "a"})
	w, err := checkpoint.Create(dir, pointOf(3), checkpoint.Log{})
	must(t, err)
	must(t, w.AddLog(1, make([]byte, 1<<20)))
	must(t, w.Abort())
	logs := func() (names []string) {
		paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
		must(t, err)
		for _, p := range paths {
			names = append(names, filepath.Base(p))
		}
		return names
	}
	if names := logs(); !slices.Equal(names, []string{"1.log", "2.log"}) {
		t.Errorf("after Abort: %v", names)
	}
	must(t, checkpoint.Keep(dir, second))
	if names := logs(); !slices.Equal(names, []string{filepath.Base(second.LogPath())}) || first.LogPath() == second.LogPath() {
		t.Errorf("after Keep: %v", names)
	}
}
