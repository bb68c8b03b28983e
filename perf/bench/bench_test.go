package bench_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/perf/bench"
	"holdfast/perf/load"
	"holdfast/perf/report"
)

// Every comparison has a heading and a text on the page of results.
func TestComparisonsAreExplained(t *testing.T) {
	var c report.Compare
	for _, name := range bench.Comparisons() {
		c.Set(name, &load.Comparison{})
	}
	dir := t.TempDir()
	folder, err := report.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.SaveCompare(&c); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range bench.Comparisons() {
		if strings.Contains(string(page), "\n## "+name+"\n") {
			t.Errorf("%s has only its name", name)
		}
	}
}

func TestHideFolders(t *testing.T) {
	texts := []string{
		"fork/exec /tmp/bench-1/c: no such file", "/home/me/bin/holdfast: killed; open /tmp/bench-1/data/x: no space", "refused",
	}
	bench.HideFolders("/home/me/bin/holdfast", "/tmp/bench-1", texts)
	want := []string{"fork/exec TMPDIR/c: no such file", "holdfast: killed; open TMPDIR/data/x: no space", "refused"}
	if !slices.Equal(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
}

func TestRemoveAllButNewest(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b", "c", "a"} {
		full := filepath.Join(dir, name, "journal")
		when := time.Unix(int64(1000*(i+1)), 0)
		if err := errors.Join(os.MkdirAll(full, 0o755), os.Chtimes(filepath.Dir(full), when, when)); err != nil {
			t.Fatal(err)
		}
	}
	if err := bench.RemoveAllButNewest(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(left) != 1 || left[0] != filepath.Join(dir, "a", "journal") {
		t.Errorf("left %v, %v; want the newest, whole", left, err)
	}
}
