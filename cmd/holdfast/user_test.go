package main_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

// seedFile writes a seed file with the published tokens for user commands.
func seedFile(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "seed.json")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o640)
	if err == nil {
		err = seed.Generate(f, seed.Options{Customers: 3, Instruments: 2, Random: 1, Demo: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return path
}

// runWith runs a command with lines on its standard input.
func runWith(t *testing.T, lines string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	p := &main.Program{Args: args, Stdin: strings.NewReader(lines), Stdout: &out, Stderr: &errs}
	code = p.Run(t.Context())
	return code, out.String(), withoutWait(errs.String())
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hexToken returns the published token of a customer.
func hexToken(c client.Customer) string {
	return hex.EncodeToString(seed.DemoToken(ledger.Customer(c)))
}

// customerIn returns a customer of a seed file.
func customerIn(t *testing.T, path string, number client.Customer) seed.Customer {
	t.Helper()
	s, err := seed.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Customers {
		if c.Number == ledger.Customer(number) {
			return c
		}
	}
	t.Fatalf("customer %d is not in %s", number, path)
	return seed.Customer{}
}

// TestUser: each command changes its customer, keeps the permissions of the file, and prints a secret
// once.
func TestUser(t *testing.T) {
	path := seedFile(t)
	with := []string{"--seed-file", path}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^  token ([0-9a-f]{64})$`)
	code, stdout, stderr := runWith(t, "", append([]string{"user", "add", "900002", "--role", "viewer", "--name", "Wall", "--cash", "1.50"}, with...)...)
	token := shown.FindStringSubmatch(stdout)
	if code != 0 || stderr != "" || token == nil || !strings.Contains(stdout, "holdfast reload") {
		t.Fatalf("code %d, %q, %q", code, stdout, stderr)
	}
	c := customerIn(t, path, 900002)
	if !c.VerifyToken(unhex(t, token[1])) || c.Role != seed.RoleViewer || c.Name != "Wall" || c.Cash != 1_5000 || c.Password != "" {
		t.Errorf("%+v", c)
	}
	if after, _ := os.ReadFile(path); !strings.HasPrefix(string(after), strings.TrimSuffix(string(before), "\n  ]\n}\n")) {
		t.Errorf("the rest of the file has changed:\n%s", after)
	}
	code, stdout, stderr = runWith(t, "correct horse\nmore", append([]string{"user", "passwd", "900002"}, with...)...)
	c = customerIn(t, path, 900002)
	if is, err := seed.VerifyPassword(c.Password, "correct horse"); code != 0 || !is || err != nil || stderr != "" || strings.Contains(stdout, "horse") {
		t.Errorf("code %d, %q, %q: %v", code, stdout, stderr, err)
	}
	if !c.VerifyToken(unhex(t, token[1])) {
		t.Error("passwd has changed the token")
	}
	code, stdout, _ = runWith(t, "", append([]string{"user", "token", "900002", "--json"}, with...)...)
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(stdout), &made); err != nil || code != 0 || made.Token == token[1] {
		t.Fatalf("code %d, %q: %v", code, stdout, err)
	}
	if c = customerIn(t, path, 900002); !c.VerifyToken(unhex(t, made.Token)) || c.Password == "" {
		t.Errorf("%+v", c)
	}
	_, stdout, _ = runWith(t, "", append([]string{"user", "list"}, with...)...)
	if want := "    900002  Wall        viewer    password, token        1.5000          0\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("%s\nwant at its end\n%s", stdout, want)
	}
	if code, _, stderr = runWith(t, "", append([]string{"user", "revoke", "900002", "--only", "password"}, with...)...); code != 0 {
		t.Error(stderr)
	}
	if c = customerIn(t, path, 900002); !c.VerifyToken(unhex(t, made.Token)) || c.Password != "" {
		t.Errorf("%+v", c)
	}
	if code, _, stderr = runWith(t, "", append([]string{"user", "revoke", "900002"}, with...)...); code != 0 {
		t.Error(stderr)
	}
	if c = customerIn(t, path, 900002); c.TokenSHA256 != [32]byte{} || c.Password != "" {
		t.Errorf("%+v", c)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestUserRefuses: nothing is written after a mistake, and no secret is shown.
func TestUserRefuses(t *testing.T) {
	path := seedFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, before[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args, lines string
		code        int
		says        string
	}{
		"no file":                   {"user token 100001", "", 2, "write a file with \"holdfast seed\" first"},
		"no file to list":           {"user list", "", 2, "write a file with \"holdfast seed\" first"},
		"missing file":              {"user token 100001 --seed-file nowhere.json", "", 2, "nowhere.json"},
		"broken file":               {"user token 100001 --seed-file " + broken, "", 2, broken + ":"},
		"unknown customer":          {"user token 5 --seed-file " + path, "", 1, "no such customer: 5"},
		"customer that is there":    {"user add 100001 --seed-file " + path, "", 1, "has this customer already: 100001"},
		"no number":                 {"user token bob --seed-file " + path, "", 2, "CUSTOMER wants"},
		"name that is too long":     {"user add 7 --name " + strings.Repeat("x", 300) + " --seed-file " + path, "", 2, "name wants"},
		"empty password":            {"user passwd 100001 --seed-file " + path, "\n", 1, "the password is empty"},
		"no password":               {"user passwd 100001 --seed-file " + path, "", 1, "the password is empty"},
		"password that is too long": {"user passwd 100001 --seed-file " + path, strings.Repeat("x", 1025), 1, "longer than 1024"},
		"password as a flag":        {"user passwd 100001 --password secret99 --seed-file " + path, "", 2, "--password needs --reload"},
		"no server":                 {"audit --seed-file x", "", 2, "need --data"},
	} {
		code, stdout, stderr := runWith(t, tc.lines, strings.Fields(tc.args)...)
		if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.says) || strings.Contains(stderr, "secret99") {
			t.Errorf("%s: code %d, stdout %q, stderr %q", name, code, stdout, stderr)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file has changed: %v", err)
	}
}

// TestUserReload: a change reaches a running server, which ends the sessions of the former login; a
// viewer may look, and an operator finds all of it in the audit of the running and of the stopped
// server.
func TestUserReload(t *testing.T) {
	path, data := seedFile(t), t.TempDir()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--log-level", "error", "--seed-file", path)
	op := []string{"--addr", s.addr, "--token", hexToken(900001)}
	change := func(args ...string) []string { return append(append(args, "--seed-file", path, "--reload"), op...) }
	her := loggedIn(t, s.addr, 100001)
	code, stdout, stderr := runWith(t, "", change("user", "token", "100001")...)
	if code != 0 || !strings.HasSuffix(stdout, "  the server has reloaded: 1 changed customer, 1 changed login, 1 ended session\n") {
		t.Fatalf("code %d, %q, %q", code, stdout, stderr)
	}
	<-her.Done()
	code, stdout, stderr = runWith(t, "look but touch not\n", change("user", "add", "900002", "--role", "viewer", "--login", "password")...)
	if code != 0 || !strings.HasSuffix(stdout, "  the server has reloaded: 1 new customer\n") {
		t.Fatalf("code %d, %q, %q", code, stdout, stderr)
	}
	viewer := []string{"--addr", s.addr, "--operator", "900002", "--password", "look but touch not"}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"account", "show", "100002"}, 0, "account"},
		{[]string{"account", "deposit", "100002", "5"}, 1, "commands of operators need the operator role"},
		{[]string{"reload"}, 1, "commands of operators need the operator role"},
		{[]string{"audit", "--command", "deposit"}, 0, "FORBIDDEN"},
	} {
		code, stdout, stderr := runWith(t, "", append(tc.args, viewer...)...)
		if code != tc.code || !strings.Contains(stdout+stderr, tc.says) {
			t.Errorf("%q: code %d, %q, %q", tc.args, code, stdout, stderr)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = runWith(t, "", append([]string{"reload"}, op...)...)
	if code != 1 || stdout != "" || !strings.Contains(stderr, path+":1: ") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	_, running, _ := runWith(t, "", append([]string{"audit", "--json"}, op...)...)
	if code := s.stop(); code != 0 {
		t.Fatal(s.errs)
	}
	good := seedFile(t)
	code, stopped, stderr := runWith(t, "", "audit", "--json", "--data", data, "--seed-file", good)
	if code != 0 || stopped != running || strings.Count(stopped, "\n") != 5 {
		t.Errorf("code %d, %q\n%s\nwas\n%s", code, stderr, stopped, running)
	}
	var commands []string
	for line := range strings.Lines(stopped) {
		var e struct{ Command, Result, Name string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		commands = append(commands, e.Command+" "+e.Result)
	}
	if got, want := strings.Join(commands, ", "), "reload OK, reload OK, deposit FORBIDDEN, reload FORBIDDEN, reload REJECTED BAD_SEED"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	code, stdout, stderr = runWith(t, "", "audit", "--limit", "1", "--command", "reload", "--customer", "900002", "--data", data, "--seed-file", good)
	if code != 0 || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "900002") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = runWith(t, "", "audit", "--until", "2001-01-01 00:00:00", "--data", data, "--seed-file", good); code != 0 || stdout != "  no entries\n" {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = runWith(t, "", "journal", "dump", "--data", data, "--seed-file", good, "--customer", "900002"); code != 0 ||
		!strings.Contains(stdout, "audit customer 900002") || strings.Contains(stdout, "audit customer 900001") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = runWith(t, "", "journal", "verify", "--data", data, "--seed-file", good); code != 0 {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr = runWith(t, "", "journal", "stats", "--data", data); code != 0 || !strings.Contains(stdout, "audits") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

// TestReloadOfADemoSeed: a server with the demo seed has no file to read.
func TestReloadOfADemoSeed(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	code, _, stderr := run(t, "reload", "--addr", s.addr)
	if code != 1 || !strings.Contains(stderr, "the demo seed, which is part of the program") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

// TestUserListFIX: the list has the CompIDs of a customer.
func TestUserListFIX(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed.json")
	text := `{"format": 1, "instruments": [{"market": "A", "code": "1", "last": "1.00"}], "customers": [
		{"customer": 100001, "cash": "1.00", "fix": [{"comp_id": "OMS1"}, {"comp_id": "ALGO"}]}, {"customer": 100002, "cash": "1.00"}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := runWith(t, "", "user", "list", "--seed-file", path)
	if code != 0 || strings.Count(stdout, "  OMS1, ALGO\n") != 1 {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	_, stdout, _ = runWith(t, "", "user", "list", "--json", "--seed-file", path)
	if strings.Count(stdout, `"fix":["OMS1","ALGO"]`) != 1 || strings.Count(stdout, `"fix":[]`) != 1 {
		t.Errorf("%s", stdout)
	}
}
