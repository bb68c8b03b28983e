package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	main "holdfast/cmd/holdfast"
)

// traded makes a data folder with three orders, the last of them busted.
func traded(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	var last client.Execution
	for n, quantity := range []client.Quantity{10, 20, 30} {
		order := client.Order{ClientOrderID: string(rune('a' + n)), Side: client.Buy, Quantity: quantity}
		last = place(t, s.addr, &order).Executions[0]
	}
	if code, _, stderr := run(t, "bust", last.ID.String(), "--reason", "wrong \"price\"", "--addr", s.addr); code != 0 {
		t.Fatal(stderr)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("ended with %d: %s", code, s.errs)
	}
	return dir
}

// content is all files of a folder, one after the other.
func content(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(append(all, path...), b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestJournalCommands(t *testing.T) {
	dir := traded(t)
	before := content(t, dir)
	for _, tc := range []struct {
		name string
		args []string
		want []string
		not  []string
	}{
		{"verify", []string{"verify"}, []string{"sound", "records       9", "acknowledged  batch 5", "positions     1 computed again after busts and corrections\n", "state         "}, []string{"not computed", "half written", "earlier release"}},
		{"stats", []string{"stats"}, []string{"9: 4 commands of 1 customers, 0 events of the market, 4 definitions", "orders               3\n",
			"executions           3\n", "  fill               3\n", "  bust               1\n", "1.80 on average", "bytes per execution", "##"}, []string{"accepted"}},
		{"stats as JSON", []string{"stats", "--json"}, []string{`"fills":3,`, `"busts":1,`, `"cancelled":0,`, `"bytes_per_execution":`, `"bytes_per_order":`}, nil},
		{"dump", []string{"dump"}, []string{"1 1 seed ", "1 2 instruments 20, #0 ALFA/600100 to #19 BETA/300109\n", "1 3 customers 101, 900001 to 100100\n", "1 4 history ",
			"2 5 2", " fill ", " buy 10 ALFA/600100 ", ` id "a", type market, day, status filled, filled 10, leaves 0`, "5 8 ", " bust ",
			`, status cancelled, filled 0, leaves 0, cause bust, amount `, `reason "wrong \"price\""`}, []string{"part"}},
		{"dump of a batch", []string{"dump", "--from", "3", "--to", "3"}, []string{"3 6 ", " buy 20 "}, []string{"seed", "buy 10", "buy 30"}},
		{"dump as JSON", []string{"dump", "--json", "--from", "5"}, []string{`"part":1,"parts":1,"kind":"bust"`, `"quantity":30`, `"status":"cancelled","cause":"bust"`, `"position":{"quantity":130,"cost":"1300.0000","realised":"0.0000"}`, `"reason":"wrong \"price\""`}, []string{`"kind":"fill"`}},
		{"dump of the definitions as JSON", []string{"dump", "--json", "--to", "1"}, []string{
			`"kind":"instruments","instruments":[{"number":0,"instrument":"ALFA/600100","tick":"0.0100"},`,
			`"kind":"customers","customers":[{"customer":900001,"cash":"0.0000","positions_digest":"`, `"kind":"history","history_id":"`,
		}, []string{"fill"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append(append([]string{"journal"}, tc.args...), "--data", dir)...)
			if code != 0 || stderr != "" {
				t.Fatalf("code %d: %s", code, stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is missing:\n%s", want, stdout)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(stdout, not) {
					t.Errorf("%q is there:\n%s", not, stdout)
				}
			}
		})
	}
	nameless := filepath.Join(t.TempDir(), "other.json")
	if code, _, stderr := run(t, "seed", "--customers=5", "--instruments=1", "--out", nameless); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := run(t, "journal", "dump", "--data", dir, "--seed-file", nameless); code != 0 || !strings.Contains(stdout, " buy 30 ALFA/600100 ") {
		t.Errorf("dump with another seed file: code %d, %q, %q", code, stdout, stderr)
	}
	for name, args := range map[string][]string{"nobody": {"--customer", "7"}, "beyond the end": {"--from", "100000"}} {
		code, stdout, stderr := run(t, append([]string{"journal", "dump", "--data", dir}, args...)...)
		if code != 0 || stdout != "" || !strings.HasPrefix(stderr, "holdfast: no record matches; ") {
			t.Errorf("dump of %s: code %d, %q, %q", name, code, stdout, stderr)
		}
	}
	if !bytes.Equal(before, content(t, dir)) {
		t.Error("the folder has changed")
	}
}

// TestJournalVerifyState: a second run returns the same state, one more order another state,
// and another seed file is refused.
func TestJournalVerifyState(t *testing.T) {
	dir := traded(t)
	state := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, append([]string{"journal", "verify", "--json", "--data", dir}, args...)...)
		var v struct {
			Records uint64 `json:"records"`
			State   string `json:"state_sha256"`
		}
		if err := json.Unmarshal([]byte(stdout), &v); code != 0 || err != nil || v.Records < 5 {
			t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
		}
		return v.State
	}
	first := state()
	if len(first) != 64 || first != state() {
		t.Errorf("%q, then %q", first, state())
	}
	other := filepath.Join(t.TempDir(), "other.json")
	if code, _, stderr := run(t, "seed", "--customers=5", "--out", other); code != 0 {
		t.Fatal(stderr)
	}
	code, stdout, stderr := run(t, "journal", "verify", "--data", dir, "--seed-file", other)
	if want := "holdfast: " + other + ": desk: the seed file does not fit the data folder: "; code != 1 || stdout != "" || !strings.HasPrefix(stderr, want) ||
		!strings.HasSuffix(stderr, "customer 100001: cash 1000000000.0000, but the data folder was started with 1000000.0000; correct the seed file, or use another data folder\n") {
		t.Errorf("another seed file: code %d, %q, %q", code, stdout, stderr)
	}
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error")
	place(t, s.addr, &client.Order{ClientOrderID: "d", Side: client.Buy, Quantity: 1})
	s.stop()
	if state() == first {
		t.Error("an order does not change the state")
	}
	changed := filepath.Join(t.TempDir(), "changed.json")
	shipped, err := os.ReadFile(filepath.Join("..", "..", "biz", "seed", "default.json"))
	if err != nil {
		t.Fatal(err)
	}
	shipped = bytes.Replace(shipped, []byte(`"Northern Tin"`), []byte(`"Southern Tin"`), 1)
	if err := os.WriteFile(changed, shipped, 0o600); err != nil {
		t.Fatal(err)
	}
	if state() != state("--seed-file", changed) {
		t.Error("a name in the seed file changes the state")
	}
}

func TestJournalRefuses(t *testing.T) {
	dir := traded(t)
	block := filepath.Join(dir, "journal", "jetstream", "$G", "streams", "JOURNAL", "msgs", "1.blk")
	whole, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2] ^= 4
	if err := os.WriteFile(block, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", used, "--log-level", "error")
	for _, tc := range []struct {
		name string
		data string
		want string
	}{
		{"damage", dir, "1.blk, batch 1: from byte "},
		{"a server runs", used, "stop the server first"},
		{"nothing there", t.TempDir(), "set --data to the data folder"},
	} {
		for _, command := range []string{"verify", "dump", "stats"} {
			code, stdout, stderr := run(t, "journal", command, "--data", tc.data)
			if code != 1 || !strings.Contains(stderr, tc.want) || strings.Contains(stdout, "sound") {
				t.Errorf("%s, %s: code %d: %s%s", tc.name, command, code, stdout, stderr)
			}
		}
	}
	if code, _, stderr := run(t, "journal", "dump", "--from", "3", "--to", "2"); code != 2 || !strings.Contains(stderr, "--from 3") {
		t.Errorf("code %d: %s", code, stderr)
	}
	// serve refuses the folder, too, and leaves the evidence.
	code, _, stderr := run(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir)
	if kept, err := os.ReadFile(block); code != 1 || !strings.Contains(stderr, "1.blk, batch 1: from byte ") || !bytes.Equal(kept, whole) {
		t.Errorf("serve: code %d (%v): %s", code, err, stderr)
	}
}

// TestServeLeavesStrangersFiles starts on folders with files of other programs.
func TestServeLeavesStrangersFiles(t *testing.T) {
	for _, name := range []string{"history.db", "journal/letter.txt"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("theirs ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // if it serves
		var stderr bytes.Buffer
		p := &main.Program{Args: []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--log-level", "error"}, Stderr: &stderr}
		code := p.Run(ctx)
		cancel()
		kept, err := os.ReadFile(path)
		if code != 1 || !strings.Contains(stderr.String(), filepath.Base(path)) || err != nil || !bytes.HasPrefix(kept, []byte("theirs theirs")) {
			t.Errorf("%s: code %d: %s (%v)", name, code, &stderr, err)
		}
	}
}

// TestServeJournalOutside: the settings of an external journal are used.
func TestServeJournalOutside(t *testing.T) {
	for _, tc := range []struct {
		url  string
		code int
		want string
	}{
		{"nats://someone:secret@127.0.0.1:1", 1, "connect to nats://someone:xxxxx@127.0.0.1:1: nats: no servers available for connection; start a JetStream server there"},
		{"127.0.0.1:4222", 2, "journal_url wants URLs that begin with nats:// or tls://"},
	} {
		dir := t.TempDir()
		code, _, stderr := run(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", dir, "--journal-url", tc.url)
		if code != tc.code || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "secret") {
			t.Errorf("%s: code %d: %s", tc.url, code, stderr)
		}
	}
}

// TestJournalVerifyNamesACheckpoint: the report of the sound journal is there, the damaged checkpoint
// is named, and the code is that of damage.
func TestJournalVerifyNamesACheckpoint(t *testing.T) {
	dir := traded(t)
	files, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := run(t, "journal", "verify", "--data", dir); code != 0 || !strings.Contains(stdout, "checkpoint    batch ") {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(files[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "journal", "verify", "--data", dir)
	if code != 1 || !strings.Contains(stdout, ": sound\n") || !strings.Contains(stdout, "unusable ") || strings.Count(stderr, "\n") != 1 ||
		!strings.Contains(stderr, files[0]+": from byte ") {
		t.Errorf("code %d: %s%s", code, stdout, stderr)
	}
}
