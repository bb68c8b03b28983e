package terminal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/cmd/holdfast/terminal"
)

func openPast(t *testing.T, path, secret string) *terminal.PastLines {
	t.Helper()
	past, err := terminal.OpenPastLines(path, secret)
	if err != nil {
		t.Fatal(err)
	}
	return past
}

// offered returns what the arrow keys offer, oldest first.
func offered(past *terminal.PastLines) (lines []string) {
	for i := range past.Len() {
		lines = append(lines, past.At(i))
	}
	slices.Reverse(lines)
	return lines
}

// TestPastLines: lines are there in the next run, but not those that must not be stored.
func TestPastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "holdfast", "commands")
	past := openPast(t, path, "s3cret")
	typed := []string{"buy 600100 100", "buy 600100 100", "", "  ", " sell 600100 1", "login s3cret now", "say 日本", "bad \x1b[2J", "worse \xff", strings.Repeat("x", 5000), "quit"}
	for _, line := range typed {
		past.Add(line)
	}
	if got := offered(past); len(got) != 8 || got[2] != "login s3cret now" {
		t.Errorf("this run is offered %q", got)
	}
	want := []string{"buy 600100 100", "say 日本", "quit"}
	if got := offered(openPast(t, path, "")); !slices.Equal(got, want) {
		t.Errorf("the next run is offered %q", got)
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestPastLinesForEverybody: a file that others may read is closed to them.
func TestPastLinesForEverybody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(path, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	openPast(t, path, "")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestPastLinesAreBounded: the file has the newest lines, in order, and never many more.
func TestPastLinesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commands")
	past := openPast(t, path, "")
	const typed = 4500
	for i := range typed {
		past.Add(fmt.Sprint("line ", i))
		if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") > 2001 {
			t.Fatalf("after %d lines the file has %d: %v", i+1, strings.Count(string(text), "\n"), err)
		}
	}
	if got := offered(openPast(t, path, "")); len(got) != 1000 || got[0] != fmt.Sprint("line ", typed-1000) || got[999] != fmt.Sprint("line ", typed-1) {
		t.Errorf("%d lines, %q", len(got), got)
	}
	if past.Len() != 1000 {
		t.Errorf("%d lines in memory", past.Len())
	}
}

// TestPastLinesOfSeveralTerminals: no line of any is lost or broken, also while the file is cut.
func TestPastLinesOfSeveralTerminals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(path, []byte(strings.Repeat("old\n", 1950)), 0o600); err != nil {
		t.Fatal(err)
	}
	const terminals, each = 4, 200
	var work sync.WaitGroup
	for n := range terminals {
		past := openPast(t, path, "")
		work.Go(func() {
			for i := range each {
				past.Add(fmt.Sprintf("terminal %d line %d", n, i))
			}
		})
	}
	work.Wait()
	lines := offered(openPast(t, path, ""))
	for n := range terminals {
		own := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, fmt.Sprint("terminal ", n)) })
		if len(own) != each || own[each-1] != fmt.Sprintf("terminal %d line %d", n, each-1) {
			t.Errorf("terminal %d: %d lines, %q", n, len(own), own)
		}
	}
}

// TestDamagedPastLines: what is no line of text is left out, and a line that was cut does not
// swallow the next one.
func TestDamagedPastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(path, []byte("one\n\x00\x00\n\x1b]0;evil\x07\n\xff\ntwo\ncut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	past := openPast(t, path, "")
	past.Add("three")
	if got := offered(openPast(t, path, "")); !slices.Equal(got, []string{"one", "two", "cut off", "three"}) {
		t.Errorf("got %q", got)
	}
}

// TestNoPastLines: without a file, and where none can be, the lines of this run are offered.
func TestNoPastLines(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, fails := range map[string]bool{"": false, filepath.Join(dir, "file", "commands"): true, os.DevNull: true, dir: true} {
		past, err := terminal.OpenPastLines(path, "")
		if (err != nil) != fails {
			t.Errorf("%q: %v", path, err)
		}
		past.Add("quote")
		if past.Len() != 1 || past.At(0) != "quote" {
			t.Errorf("%q: %d lines", path, past.Len())
		}
	}
}

func TestStateFolder(t *testing.T) {
	for name, tc := range map[string]struct{ state, home, want string }{
		"set":      {"/s", "/h", "/s/holdfast"},
		"relative": {"s", "/h", "/h/.local/state/holdfast"},
		"home":     {"", "/h", "/h/.local/state/holdfast"},
		"nothing":  {"", "", ""},
	} {
		got := terminal.StateFolder(func(name string) string { return map[string]string{"XDG_STATE_HOME": tc.state, "HOME": tc.home}[name] })
		if got != tc.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
