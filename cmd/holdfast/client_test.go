package main_test

import (
	"encoding/hex"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

// testServer starts a server on free ports whose prices do not move.
func testServer(t *testing.T) string {
	t.Helper()
	return startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error").addr
}

// typed runs a client that gets these lines on standard input.
func typed(t *testing.T, addr, customer, lines string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	p := &main.Program{
		Args:  append([]string{"client", "--addr", addr, "--customer", customer}, args...),
		Stdin: strings.NewReader(lines), Stdout: &out, Stderr: &errs,
	}
	code = p.Run(t.Context())
	return code, out.String(), withoutWait(errs.String())
}

func TestClientAccess(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	good := hex.EncodeToString(seed.DemoToken(100001))
	cases := []struct {
		name    string
		args    []string
		environ []string
		code    int
		stderr  string // the whole; "" for nothing at all
	}{
		{"demo password, and says so", nil, nil, 0, "holdfast: using the published demo password; for other accounts set --password or --token\n"},
		{"token", []string{"--token", good}, nil, 0, ""},
		{"token of the environment", nil, []string{"HOLDFAST_TOKEN=" + good}, 0, ""},
		{"password of the environment", nil, []string{"HOLDFAST_PASSWORD=holdfast-demo"}, 0, ""},
		{"flag beats environment", []string{"--password", "holdfast-demo"}, []string{"HOLDFAST_TOKEN=00"}, 0, ""},
		{"wrong password", []string{"--password", "guess"}, nil, 1, "holdfast: log in as 100001: customer number and credential do not match: check the customer number and the password or token\n"},
		{"token not in hex", []string{"--token", "xyz"}, nil, 2, "holdfast: the token is not in hex: check --token and HOLDFAST_TOKEN\n"},
		{"asking without a terminal", []string{"--password", "-"}, nil, 2, "holdfast: --password - needs a terminal; use HOLDFAST_PASSWORD instead\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var errs strings.Builder
			p := &main.Program{Args: append([]string{"client", "--addr", addr}, tc.args...), Stderr: &errs, Environ: tc.environ}
			if code := p.Run(t.Context()); code != tc.code || withoutWait(errs.String()) != tc.stderr {
				t.Errorf("code %d, stderr %q; want %d, %q", code, errs.String(), tc.code, tc.stderr)
			}
		})
	}
}

// TestOtherAccounts: the published password does not open the accounts of a generated seed.
func TestOtherAccounts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "seed.json")
	if code, _, stderr := run(t, "seed", "--customers=5", "--out", file); code != 0 {
		t.Fatal(stderr)
	}
	addr := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--seed-file", file, "--log-level", "error").addr
	const want = "; if this server does not use the demo accounts, set --password or --token\n"
	if code, _, stderr := typed(t, addr, "100001", ""); code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("client: code %d, %q", code, stderr)
	}
	if code, _, stderr := run(t, "bust", "100001-1", "--reason", "x", "--addr", addr); code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("bust: code %d, %q", code, stderr)
	}
}

func TestClientWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	code, _, stderr := typed(t, l.Addr().String(), "100001", "")
	if want := "cannot connect to " + l.Addr().String() + ": connection refused: nothing listens there"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

// bustable buys something and returns the id of the execution.
func bustable(t *testing.T, addr string, side client.Side) string {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Login(t.Context(), 100030, client.DemoToken(100030)); err != nil {
		t.Fatal(err)
	}
	placed, err := c.PlaceOrder(t.Context(), client.Order{Side: side, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100})
	if err != nil {
		t.Fatal(err)
	}
	return placed.Executions[0].ID.String()
}

func TestBustCommand(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	first := bustable(t, addr, client.Buy)
	second := bustable(t, addr, client.Buy)
	sold := bustable(t, addr, client.Sell)
	bustable(t, addr, client.Sell)
	cases := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string // a part
	}{
		{"no reason", []string{first}, 2, "", `--reason is missing: the customer will see it; see "holdfast bust --help"`},
		{"no id", []string{"--reason", "x"}, 2, "", "missing argument EXECUTION"},
		{"bad id", []string{"17", "--reason", "x"}, 2, "", `bad id "17": an execution id looks like 100001-17`},
		{"never was", []string{"100030-99", "--reason", "x"}, 1, "", `bust 100030-99: unknown execution: the customer's "history" lists the ids`},
		{"blocked", []string{second, "--reason", "x"}, 1, "", "(in the way: 100030-4): bust 100030-4 first, or add --cascade"},
		{"no operator", []string{first, "--reason", "x", "--operator", "100001"}, 1, "", "operator role: use a login that may do it"},
		{"done", []string{sold, "--reason", "typo"}, 0,
			"  busted: sold 100 ALFA/600100 @ 10.00 = 1,000.00 (" + sold + ")\n  ALFA/600100: 100 shares, 1,000.00\n", ""},
		{"done again", []string{sold, "--reason", "typo"}, 0,
			"  busted: sold 100 ALFA/600100 @ 10.00 = 1,000.00 (" + sold + ")\n  ALFA/600100: 100 shares, 1,000.00\n", ""},
		{"nothing left", []string{first, "--reason", "typo"}, 0,
			"  busted: bought 100 ALFA/600100 @ 10.00 = 1,000.00 (" + first + ")\n  ALFA/600100: none left\n", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"bust", "--addr", addr}, tc.args...)...)
			if code != tc.code || stdout != tc.stdout || !strings.Contains(stderr, tc.stderr) || (tc.stderr == "") != (stderr == "") {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
