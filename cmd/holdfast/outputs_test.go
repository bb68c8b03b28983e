package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/biz/seed"
	"holdfast/perf/load"
)

// TestSeedToTheStandardOutput: the seed, and nothing else, is on the standard output.
func TestSeedToTheStandardOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	code, stdout, stderr := run(t, "seed", "--customers=3", "--out=-")
	if code != 0 || stderr != "-: 3 customers, 20 instruments\n" {
		t.Fatalf("code %d: %s", code, stderr)
	}
	made, err := seed.Parse("stdout", []byte(stdout))
	if err != nil || len(made.Customers) != 4 {
		t.Fatal(err)
	}
	wantFiles(t)

	code, again, stderr := run(t, "seed", "--customers=3", "--out=-", "--tokens=t")
	if code != 0 || again != stdout || stderr != "-: 3 customers, 20 instruments\nt: their tokens\n" {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if tokens := readTokens(t, "t"); !made.Customers[1].VerifyToken(tokens[made.Customers[1].Number]) {
		t.Errorf("other tokens: %v", tokens)
	}
	code, stdout, stderr = run(t, "seed", "--customers=3", "--out=s", "--tokens=-")
	if code != 0 || stdout != string(read(t, "t")) || !strings.HasPrefix(stderr, "s: 3 customers") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	wantFiles(t, "s", "t")
}

// TestSeedThroughPipesAndLinks: they stay what they are, and no tokens appear beside a pipe.
func TestSeedThroughPipesAndLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := unix.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	content := make(chan []byte, 1)
	go func() {
		text, _ := os.ReadFile("pipe")
		content <- text
	}()
	if code, stdout, stderr := run(t, "seed", "--customers=1", "--out=pipe"); code != 0 || stdout != "pipe: 1 customers, 20 instruments\n" {
		t.Fatalf("code %d: %s%s", code, stdout, stderr)
	}
	if _, err := seed.Parse("pipe", <-content); err != nil {
		t.Error(err)
	}
	wantFiles(t, "pipe")

	if err := os.Symlink("target", "link"); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, "seed", "--customers=1", "--out=link"); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := run(t, "seed", "--customers=1", "--out=link"); code != 1 || !strings.Contains(stderr, "link exists: ") {
		t.Errorf("over a link to a file: code %d: %s", code, stderr)
	}
	if to, err := os.Readlink("link"); to != "target" || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if _, err := seed.Load("target"); err != nil {
		t.Error(err)
	}
	wantFiles(t, "link", "link.tokens", "pipe", "target")
}

// TestSeedFailsAsAWhole: if the seed cannot be written, the tokens stay as they were.
func TestSeedFailsAsAWhole(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("skip: ", err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("tokens", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "seed", "--customers=1", "--force", "--out=/dev/full", "--tokens=tokens")
	if want := "holdfast: /dev/full: no space left on the device; free some space, or choose another path\n"; code != 1 || stdout != "" || stderr != want {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if got := read(t, "tokens"); string(got) != "old" {
		t.Errorf("tokens %q", got)
	}
	wantFiles(t, "tokens")
}

// TestReportsToTheStandardOutput: with "-" the report alone is there, and the text for people
// goes to the standard error.
func TestReportsToTheStandardOutput(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	code, stdout, stderr := run(t, "load", "--addr", addr, "--connections=2", "--warmup=0", "--duration=50ms", "--json=-")
	var r load.Report
	if err := json.Unmarshal([]byte(stdout), &r); code != 0 || err != nil || r.Requests == 0 {
		t.Errorf("load: code %d, %v: %s", code, err, stdout)
	}
	if !strings.Contains(stderr, "requests/s") {
		t.Errorf("load: stderr %s", stderr)
	}
	code, stdout, stderr = run(t, "scenario", "--addr", addr, "--json=-")
	if !json.Valid([]byte(stdout)) || !strings.Contains(stderr, "step") {
		t.Errorf("scenario: code %d: %s%s", code, stdout, stderr)
	}
}

func TestBenchToTheStandardOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, stdout, stderr := bench(t, dir, tiny("compare", "--connections=2", "--depths=1,2", "--workloads=orders", "--servers=reactor", "--json=-")...)
	d := json.NewDecoder(strings.NewReader(stdout))
	var figures struct{ Complete bool }
	if err := d.Decode(&figures); code != 0 || err != nil || !figures.Complete || d.More() {
		t.Errorf("code %d, %v: %s", code, err, stdout)
	}
	if !strings.Contains(stderr, "== orders") {
		t.Errorf("no tables: %s", stderr)
	}
}

// TestOutputsAreCheckedFirst: a file that cannot be written fails the command before it works
// for long, and before it starts anything.
func TestOutputsAreCheckedFirst(t *testing.T) {
	t.Chdir(t.TempDir())
	want := "holdfast: none/x: no such file or directory: none; create it, or choose another path\n"
	for _, args := range []string{
		"load --addr 127.0.0.1:1 --json none/x", "scenario --json=none/x", "chaos kill --out none/x", "bench compare --json none/x", "bench response --json none/x",
	} {
		if code, stdout, stderr := run(t, strings.Fields(args)...); code != 1 || stdout != "" || stderr != want {
			t.Errorf("%s: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"chaos all --out file/x", "bench all --out file/x", "bench flame --out file/x"} {
		code, stdout, stderr := run(t, strings.Fields(args)...)
		if code != 1 || stdout != "" || stderr != "holdfast: file/x: file is not a folder; choose another path\n" {
			t.Errorf("%s: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	wantFiles(t, "file")
}

// TestReportReplacesAnother: the report of a run replaces an earlier one as a whole.
func TestReportReplacesAnother(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	name := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(name, bytes.Repeat([]byte("x"), 1<<20), 0o640); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, "load", "--addr", addr, "--warmup=0", "--duration=50ms", "--json", name); code != 0 {
		t.Fatal(stderr)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o640 || !json.Valid(read(t, name)) {
		t.Errorf("%v, %v", info, err)
	}
}
