package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/script"
)

func TestScriptCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range script.Shipped() {
		code, text, stderr := run(t, "script", "example", name)
		if code != 0 || !strings.HasPrefix(text, "{") {
			t.Errorf("%s: code %d, %s", name, code, stderr)
		}
		if code, _, stderr := run(t, "script", "example", name, "--out", name+".json"); code != 0 {
			t.Errorf("%s: code %d, %s", name, code, stderr)
		}
		if written, err := os.ReadFile(name + ".json"); err != nil || string(written) != text {
			t.Errorf("%s: another text in the file, %v", name, err)
		}
		if code, listed, stderr := run(t, "script", "check", name+".json"); code != 0 || !strings.Contains(listed, "2026-01-05 ") || !strings.Contains(listed, " events from 2026-01-05 09:00:00 +00:00") {
			t.Errorf("%s: code %d, %s\n%s", name, code, stderr, listed)
		}
	}
	if err := os.WriteFile("day.json", []byte("{\"format\": 1,\n\"start\": \"2026-01-05T09:00:00Z\", \"events\": [\n{\"at\": \"10:00\", \"do\": \"halt\", \"market\": \"ALPA\"}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const wrong = "holdfast: day.json:3: unknown market \"ALPA\" (did you mean \"ALFA\"?)\n"
	for _, c := range []struct {
		args   []string
		stderr string
	}{
		{[]string{"script", "check", "day.json"}, wrong},
		{[]string{"serve", "--script", "day.json", "--data", "made"}, wrong},
		{[]string{"serve", "--script", "wlid", "--data", "made"}, "holdfast: wlid: cannot be read: no such file or directory; create it, or choose another path (did you mean \"wild\"?)\n"},
		{[]string{"serve", "--script", "wild", "--start", "2026-01-05T09:00:00Z"}, "holdfast: --start: start 2026-01-05T09:00:00Z (--start) can't be combined with script wild (--script)\n"},
		{[]string{"script", "example", "wlid"}, "holdfast: NAME wants one of quiet, wild, mistakes, got \"wlid\"; see \"holdfast script example --help\"\n"},
		{[]string{"script", "check", "day.json", "--seed-file", "none.json"}, "holdfast: none.json: cannot be read: no such file or directory; create it, or choose another path\n"},
	} {
		if code, stdout, stderr := run(t, c.args...); code != 2 || stdout != "" || stderr != c.stderr {
			t.Errorf("%q: code %d, stdout %q, stderr %q, want %q", c.args, code, stdout, stderr, c.stderr)
		}
	}
	if _, err := os.Stat("made"); !os.IsNotExist(err) {
		t.Errorf("there is a data folder: %v", err)
	}
}

// scripted runs "serve" with a script and a stepped clock on a data folder.
func scripted(t *testing.T, data string, args ...string) *served {
	t.Helper()
	return startServe(t, append([]string{"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--clock", "stepped"}, args...)...)
}

// step moves the clock of a server on.
func (s *served) step(t *testing.T, by string) {
	t.Helper()
	if code, _, stderr := run(t, "market", "step", by, "--addr", s.addr); code != 0 {
		t.Fatalf("step %s: code %d, %s", by, code, stderr)
	}
}

// finish stops a server.
func (s *served) finish(t *testing.T) {
	t.Helper()
	if code := s.stop(); code != 0 {
		t.Fatalf("the server ended with %d: %s", code, s.errs)
	}
}

// stateHash returns the hash of the accounts in a data folder.
func stateHash(t *testing.T, data string) string {
	t.Helper()
	code, stdout, stderr := run(t, "journal", "verify", "--data", data, "--json")
	var report struct {
		StateHash string `json:"state_sha256"`
	}
	if err := json.Unmarshal([]byte(stdout), &report); code != 0 || err != nil || report.StateHash == "" {
		t.Fatalf("code %d, %v, %s", code, err, stderr)
	}
	return report.StateHash
}

// TestScriptGoesOnAfterARestart: a script that was interrupted goes on where it was, and leads to
// the same accounts as one that was not.
func TestScriptGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	whole, pieces := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "data")
	dir := t.TempDir()
	text, err := script.Text("mistakes")
	if err != nil {
		t.Fatal(err)
	}
	day := filepath.Join(dir, "day.json") // without simulation: its random numbers start anew
	quiet := strings.NewReplacer(`"orders_per_second": 0.05`, `"orders_per_second": 0`, `"price_moves_per_second": 0.2`, `"price_moves_per_second": 0`).Replace(string(text))
	if err := os.WriteFile(day, []byte(quiet), 0o600); err != nil {
		t.Fatal(err)
	}
	s := scripted(t, whole, "--script", day)
	s.step(t, "2h")
	if !eventually(func() bool { return strings.Contains(s.errs.String(), `executed=18 refused=0`) }) {
		t.Errorf("the log: %s", s.errs)
	}
	s.finish(t)
	for n, by := range []string{"10m", "1m", "20m", "12m", "2h"} {
		s := scripted(t, pieces, "--script", day)
		if want := "the script goes on after its last executed event"; n > 0 && !eventually(func() bool { return strings.Contains(s.errs.String(), want) }) {
			t.Errorf("start %d: %q is missing from the log: %s", n+1, want, s.errs)
		}
		s.step(t, by)
		if strings.Contains(s.errs.String(), "refused; the script goes on") {
			t.Errorf("start %d: the log: %s", n+1, s.errs)
		}
		s.finish(t)
	}
	if got, want := stateHash(t, pieces), stateHash(t, whole); got != want {
		t.Errorf("the state is %s, want %s", got, want)
	}
	code, _, stderr := run(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error", "--data", whole, "--script", "mistakes")
	if want := "holdfast: --script: the data folder has events after the start of the script: its newest event is from 2026-01-05T10:06:00Z, " +
		"the script starts at 2026-01-05T09:00:00Z; use another data folder (--data), a temporary one (--throwaway), or a script that starts later\n"; code != 2 || stderr != want {
		t.Errorf("another script: code %d, stderr %q, want %q", code, stderr, want)
	}
}

// TestScriptDisturbsSessions: a script cuts the connections of a customer, holds pushes and
// refuses orders.
func TestScriptDisturbsSessions(t *testing.T) {
	t.Parallel()
	s := scripted(t, filepath.Join(t.TempDir(), "data"), "--script", "mistakes", "--preset", "frictionless")
	for _, want := range []string{"  clock        stepped, at 2026-01-05 09:00:00 +00:00\n", "  script       mistakes, 18 events\n", "  preset       frictionless\n"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("%q is missing from the first lines:\n%s", want, s.out)
		}
	}
	c := loggedIn(t, s.addr, 100001)
	s.step(t, "41m")
	for range 2 {
		if _, err := c.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err == nil || !strings.Contains(err.Error(), "not enough cash") {
			t.Errorf("an order that the script refuses: %v", err)
		}
	}
	order(t, c, client.Order{Side: client.Buy, Quantity: 1})
	s.step(t, "5m")
	<-c.Done()
	pushes := make(chan client.Push, 100)
	held, err := client.Dial(t.Context(), s.addr, client.Options{OnPush: func(p client.Push) {
		if p.Sequence != 0 { // else it is a new price
			pushes <- p
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	if _, err := held.Login(t.Context(), 100001, client.DemoToken(100001)); err != nil {
		t.Fatal(err)
	}
	s.step(t, "5m30s") // 09:51:30: the pushes are held, and there was a deposit
	if err := held.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-pushes:
		t.Errorf("a push while they are held: %v", p)
	default:
	}
	s.step(t, "1m")
	for p := range pushes {
		if _, isAccount := p.Event.(client.AccountUpdate); isAccount {
			break
		}
	}
	s.finish(t)
}
