package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/history/postgrestest"
	main "holdfast/cmd/holdfast"
)

// diagnosis is what doctor --json says.
type diagnosis struct {
	Checks []struct{ Check, Status, Finding, Mend string }
	OK     int `json:"ok"`
	Failed int `json:"failed"`
}

// status returns what a check said.
func (d *diagnosis) status(check string) string {
	for _, c := range d.Checks {
		if c.Check == check {
			return c.Status + ": " + c.Finding
		}
	}
	return "no such check"
}

func diagnose(t *testing.T, args ...string) (d *diagnosis, code int, stderr string) {
	t.Helper()
	code, stdout, stderr := run(t, append([]string{"doctor", "--json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)...)
	d = new(diagnosis)
	if err := json.Unmarshal([]byte(stdout), d); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	return d, code, stderr
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "doctor", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	if code != 0 || stderr != "" {
		t.Errorf("code %d: %s", code, stderr)
	}
	for _, want := range []string{"  ok    listen        127.0.0.1:0 is free\n", "will be created", " 0 failed\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing:\n%s", want, stdout)
		}
	}
}

// doctor distinguishes a folder in use from a free one, and the seed file that it was
// started with from another.
func TestDoctorKnowsTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	place(t, s.addr, &client.Order{ClientOrderID: "once", Side: client.Buy, Quantity: 10})

	d, code, stderr := diagnose(t, "--data", dir, "--listen", s.addr)
	if code != 1 || d.Failed != 2 || !strings.HasSuffix(stderr, "checks failed: listen, data folder\n") {
		t.Errorf("beside a server: code %d, %d failed: %s", code, d.Failed, stderr)
	}
	if got := d.status("data folder"); !strings.HasPrefix(got, "fail: ") || !strings.Contains(got, "in use by another process") {
		t.Error(got)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.errs)
	}

	d, code, _ = diagnose(t, "--data", dir)
	if got := d.status("data folder"); code != 0 || !strings.HasPrefix(got, "ok: ") || !strings.Contains(got, "has a journal") {
		t.Errorf("code %d, %s", code, got)
	}
	if got := d.status("seed"); got != "ok: the data folder was started with it" {
		t.Error(got)
	}

	other := filepath.Join(t.TempDir(), "other.json")
	if code, _, stderr := run(t, "seed", "--customers", "3", "--out", other); code != 0 {
		t.Fatal(stderr)
	}
	d, code, _ = diagnose(t, "--data", dir, "--seed-file", other)
	if got := d.status("seed"); code != 0 || !strings.HasPrefix(got, "warn: ") || !strings.Contains(got, "another seed file") {
		t.Errorf("code %d, %s", code, got)
	}
	// It has changed nothing: the server starts again.
	startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
}

func TestDoctorNamesABrokenSeedFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, []byte("{\n \"customers\": 7\n}"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, code, stderr := diagnose(t, "--seed-file", file, "--data", t.TempDir())
	if got := d.status("seed"); code != 1 || !strings.HasPrefix(got, "fail: ") || !strings.Contains(got, file) || !strings.HasSuffix(stderr, "failed: seed\n") {
		t.Errorf("code %d, %s, %s", code, got, stderr)
	}
}

func TestDoctorTakesTheSettings(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "doctor", "--listen", "nowhere")
	if code != 2 || stdout != "" || !strings.Contains(stderr, "--listen") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	d, _, _ := diagnose(t, "--event-loops", "200", "--data", t.TempDir())
	if got := d.status("processors"); !strings.Contains(got, "200 event loops") {
		t.Error(got)
	}
}

// NO_COLOR, pipes and files get plain text; that is what run's streams are.
func TestDoctorIsPlainOffTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &main.Program{Args: []string{"doctor", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir()}, Stdout: &out}
	if p.Run(t.Context()); strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q", out.String())
	}
}

// TestDoctorTriesTheDatabase: it connects as serve does, and leaves nothing there.
func TestDoctorTriesTheDatabase(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	d, code, _ := diagnose(t, "--data", t.TempDir(), "--history-url", database.URL())
	if got := d.status("history"); code != 0 || !strings.HasPrefix(got, "ok: PostgreSQL database "+database.Name+" at ") {
		t.Errorf("code %d, %s", code, got)
	}
	left, err := database.Query(t.Context(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'")
	if err != nil || left != "0" {
		t.Errorf("%s schemas are left, %v", left, err)
	}
	latin := database.Name + "_latin"
	if _, err := database.Query(t.Context(), "CREATE DATABASE "+latin+" ENCODING 'LATIN1' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		database.URLOf(latin):                  "ENCODING 'UTF8'",
		database.URLOf(latin + "_missing"):     "CREATE DATABASE",
		"postgres://u:tiger4711@127.0.0.1:1/d": "start PostgreSQL",
	} {
		d, code, stderr := diagnose(t, "--data", t.TempDir(), "--history-url", url)
		got := d.status("history")
		if code != 1 || !strings.HasPrefix(got, "fail: ") || !strings.Contains(got, want) || !strings.HasSuffix(stderr, "checks failed: history\n") {
			t.Errorf("code %d, %s, %s", code, got, stderr)
		}
		if strings.Contains(got+stderr, "tiger4711") || strings.Contains(got+stderr, postgrestest.Password) {
			t.Errorf("a password is in %s%s", got, stderr)
		}
	}
}
