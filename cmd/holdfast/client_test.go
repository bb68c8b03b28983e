package main_test

import (
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/seed"
	main "holdfast/cmd/holdfast"
)

// testServer starts a server on free ports whose prices stand still.
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
	return p.Run(t.Context()), out.String(), errs.String()
}

func TestClientCommands(t *testing.T) {
	addr := testServer(t)
	// Customer 100010 starts without positions, 100001 with 100 ALFA/600100.
	cases := []struct {
		name     string
		customer string
		lines    string
		code     int
		want     []string // parts of standard output, in this order
	}{
		{"login shows the account", "100001", "", 0, []string{
			"account 100001 (Customer 1)\n", "INSTRUMENT   NAME          SHARES  AVG COST  PRICE     VALUE  PROFIT  REALISED",
			"ALFA/600100  Northern Tin     100     10.00  10.00  1,000.00    0.00      0.00", "market value         1,000.00", "cash             1,000,000.00", "together         1,001,000.00"}},
		{"no positions", "100020", "", 0, []string{"no positions", "cash"}},
		{"worked example", "100010", "buy 600100 100\nbuy ALFA/600100 100\nsell alfa/600100 100\nSELL 600100 100\n", 0, []string{
			"bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100010-1)", "ALFA/600100: 100 shares, 1,000.00, profit 0.00",
			"ALFA/600100: 200 shares, 2,000.00", "sold 100 ALFA/600100 @ 10.00 = 1,000.00 (100010-3)", "ALFA/600100: 100 shares, 1,000.00", "ALFA/600100: none left"}},
		{"history, newest first", "100010", "history 2\n", 0, []string{"EXECUTION", "100010-4", "sell", "100010-3", "there are older ones: history 10"}},
		{"no history", "100020", "history\n", 0, []string{"no executions"}},
		{"quantity with separators", "100011", "buy 300103 1,000\n", 0, []string{"bought 1,000 BETA/300103 @ 6.56 = 6,560.00"}},
		{"quotes", "100020", "quote 600100 300103\n", 0, []string{"INSTRUMENT   NAME          LOT  PRICE", "ALFA/600100  Northern Tin    1  10.00", "BETA/300103  River Paper     1   6.56"}},
		{"all quotes", "100020", "quote\n", 0, []string{"ALFA/600100", "BETA/300109"}},
		{"watch", "100020", "watch 600100\nquote 300103\nwatch off\n", 0, []string{"ALFA/600100  Northern Tin", "BETA/300103"}},
		{"holding", "100001", "holding\n", 0, []string{"account 100001", "account 100001"}},
		{"help", "100020", "help\n", 0, []string{"buy", "CODE QUANTITY", "quit"}},
		{"quit ends it", "100020", "quit\nbuy nonsense\n", 0, []string{"no positions"}},
		{"empty lines", "100020", "\n   \n", 0, []string{"no positions"}},

		{"slip", "100020", "sel 600100 1\nhelp\n", 1, []string{`error: unknown command "sel" (did you mean "sell"?); "help" lists them all`, "COMMAND"}},
		{"unknown command", "100020", "frobnicate\n", 1, []string{`error: unknown command "frobnicate"; "help"`}},
		{"buy without quantity", "100020", "buy 600100\n", 1, []string{"error: usage: buy CODE QUANTITY"}},
		{"bad quantity", "100020", "buy 600100 ten\n", 1, []string{`error: "ten" is not a number of shares`}},
		{"negative quantity", "100020", "buy 600100 -5\n", 1, []string{`error: "-5" is not a number of shares`}},
		{"unknown instrument", "100020", "buy 999999 1\n", 1, []string{`error: unknown instrument "999999"; "quote" lists them all`}},
		{"not enough shares", "100020", "sell 600100 1\n", 1, []string{"error: not enough shares"}},
		{"bad history", "100020", "history all\n", 1, []string{"error: usage: history [N]"}},
		{"bust without the role", "100020", "bust 100001-1 no good\n", 1, []string{"error: busting an execution needs the operator role"}},
		{"bust without reason", "100020", "bust 100001-1\n", 1, []string{"error: usage: bust ID REASON"}},
		{"bust of no id", "100020", "bust 17 x\n", 1, []string{"error: bad id"}},
		{"operator busts", "900001", "bust 100011-1 keyed in by mistake\n", 0, []string{"Operator, operator", "busted: bought 1,000 BETA/300103 @ 6.56", "BETA/300103"}},
		{"history says busted", "100011", "history\n", 0, []string{"100011-1", "BUSTED: keyed in by mistake"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := typed(t, addr, tc.customer, tc.lines)
			if code != tc.code {
				t.Errorf("code %d, want %d: %s", code, tc.code, stderr)
			}
			if strings.Contains(stdout, ">>>") || strings.Contains(stdout, "\x1b") {
				t.Errorf("prompt or colours without a terminal:\n%s", stdout)
			}
			rest := stdout
			for _, want := range tc.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%q is missing or out of order in\n%s", want, stdout)
				}
				rest = after
			}
		})
	}
}

func TestClientAccess(t *testing.T) {
	addr := testServer(t)
	good := hex.EncodeToString(seed.DemoToken(100001))
	cases := []struct {
		name    string
		args    []string
		environ []string
		code    int
		stderr  string // the whole; "" for nothing at all
	}{
		{"demo password, and says so", nil, nil, 0, "holdfast: using the demo password of the shipped accounts; see --password and --token\n"},
		{"token", []string{"--token", good}, nil, 0, ""},
		{"token of the environment", nil, []string{"HOLDFAST_TOKEN=" + good}, 0, ""},
		{"password of the environment", nil, []string{"HOLDFAST_PASSWORD=holdfast-demo"}, 0, ""},
		{"flag beats environment", []string{"--password", "holdfast-demo"}, []string{"HOLDFAST_TOKEN=00"}, 0, ""},
		{"wrong password", []string{"--password", "guess"}, nil, 1, "holdfast: log in as 100001: customer number and credential do not match: check the customer number and the password or token\n"},
		{"token not in hex", []string{"--token", "xyz"}, nil, 2, "holdfast: the token is not in hex\n"},
		{"asking without a terminal", []string{"--password", "-"}, nil, 2, "holdfast: --password - needs a terminal to ask at; use HOLDFAST_PASSWORD\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var errs strings.Builder
			p := &main.Program{Args: append([]string{"client", "--addr", addr}, tc.args...), Stderr: &errs, Environ: tc.environ}
			if code := p.Run(t.Context()); code != tc.code || errs.String() != tc.stderr {
				t.Errorf("code %d, stderr %q; want %d, %q", code, errs.String(), tc.code, tc.stderr)
			}
		})
	}
}

// running is a client whose standard input stays open.
type running struct {
	out  *output
	errs *output
	in   *io.PipeWriter
	code chan int
}

func startClient(t *testing.T, addr, customer string, args ...string) *running {
	t.Helper()
	reader, writer := io.Pipe()
	r := &running{out: newOutput(), errs: newOutput(), in: writer, code: make(chan int, 1)}
	p := &main.Program{Args: append([]string{"client", "--addr", addr, "--customer", customer}, args...), Stdin: reader, Stdout: r.out, Stderr: r.errs}
	var work sync.WaitGroup
	work.Go(func() { r.code <- p.Run(t.Context()) })
	t.Cleanup(func() {
		writer.Close()
		work.Wait()
	})
	return r
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// await waits until the output has a text.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	end := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.changed:
		case <-end:
			t.Fatalf("%q is not in\n%s", text, o)
		}
	}
}

// What others do to the account is shown; what the client does itself only once.
func TestClientShowsPushes(t *testing.T) {
	addr := testServer(t)
	r := startClient(t, addr, "100020")
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100020-1)")

	typed(t, addr, "100020", "buy 600100 50\n")
	r.out.await(t, "* bought 50 ALFA/600100 @ 10.00 = 500.00 (100020-2)\n* ALFA/600100: 150 shares, 1,500.00, profit 0.00 (increased)\n")
	typed(t, addr, "900001", "bust 100020-2 typo\n")
	r.out.await(t, "* execution 100020-2 is taken back: typo\n* ALFA/600100: 100 shares, 1,000.00, profit 0.00 (decreased)\n")
	io.WriteString(r.in, "buy 600100 10\n")
	r.out.await(t, "(100020-3)\n  ALFA/600100: 110 shares")
	typed(t, addr, "900001", "bust 100020-3 typo\n")
	r.out.await(t, "* execution 100020-3 is taken back: typo\n* ALFA/600100: 100 shares, 1,000.00, profit 0.00 (decreased)\n")
	if n := strings.Count(r.out.String(), "(100020-1)"); n != 1 {
		t.Errorf("the client's own execution is shown %d times", n)
	}
	r.in.Close()
	if code := <-r.code; code != 0 {
		t.Errorf("code %d: %s", code, r.errs)
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

// A server that goes away ends the client with what the server said.
func TestClientHearsOfTheEnd(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	r := startClient(t, s.addr, "100020")
	r.out.await(t, "realised profit")
	s.stop()
	r.out.await(t, "notice: ")
	io.WriteString(r.in, "holding\n")
	if code := <-r.code; code != 1 || !strings.Contains(r.errs.String(), "the server closed the connection: ") {
		t.Errorf("code %d: %s", code, r.errs)
	}
}

func TestComplete(t *testing.T) {
	commands := []string{"buy", "holding", "history", "help"}
	codes := []string{"600100", "600101", "ALFA/600100", "ALFA/600101"}
	cases := []struct {
		name       string
		word       string
		candidates []string
		whole      string
		extended   bool
	}{
		{"only one", "b", commands, "buy ", true},
		{"already whole", "buy", commands, "buy ", true},
		{"several, nothing in common", "h", commands, "h", false},
		{"several with more in common", "6", codes, "60010", true},
		{"several, as far as it goes", "60010", codes, "60010", false},
		{"upper case", "alfa/6", codes, "ALFA/60010", true},
		{"unknown", "x", commands, "x", false},
		{"nothing typed", "", commands, "", false},
		{"no candidates", "b", nil, "b", false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if whole, extended := main.Complete(tc.word, tc.candidates); whole != tc.whole || extended != tc.extended {
				t.Errorf("got %q, %t; want %q, %t", whole, extended, tc.whole, tc.extended)
			}
		})
	}
}

func TestTable(t *testing.T) {
	cases := []struct {
		name string
		head []string
		rows [][]string
		want string
	}{
		{"aligned", []string{"A", ">B"}, [][]string{{"long text", "1"}, {"x", "1,000"}}, "  <A>              <B>\n  long text      1\n  x          <1,000>\n"},
		{"no head", []string{"", ">"}, [][]string{{"cash", "10.00"}}, "  cash  <10.00>\n"},
		{"no blanks at the end", []string{"A", "NOTE"}, [][]string{{"1", "x"}, {"2", ""}}, "  <A>  <NOTE>\n  1  x\n  2\n"},
		{"letters, not bytes", []string{"A", "B"}, [][]string{{"é", "1"}, {"ab", "2"}}, "  <A>   <B>\n  é   1\n  ab  <2>\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := main.Table(tc.head, tc.rows...); got != tc.want {
				t.Errorf("got\n%q\nwant\n%q", got, tc.want)
			}
		})
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
		{"blocked", []string{second, "--reason", "x"}, 1, "", "(in the way: " + sold + ", 100030-4): bust 100030-4 first"},
		{"no operator", []string{first, "--reason", "x", "--operator", "100001"}, 1, "", "operator role: log in as a customer who may do this"},
		{"done", []string{sold, "--reason", "typo"}, 0,
			"  busted: sold 100 ALFA/600100 @ 10.00 = 1,000.00 (" + sold + ")\n  ALFA/600100: 100 shares, 1,000.00\n", "demo password"},
		{"done again", []string{sold, "--reason", "typo"}, 0,
			"  busted: sold 100 ALFA/600100 @ 10.00 = 1,000.00 (" + sold + ")\n  ALFA/600100: 100 shares, 1,000.00\n", "demo password"},
		{"nothing left", []string{first, "--reason", "typo"}, 0,
			"  busted: bought 100 ALFA/600100 @ 10.00 = 1,000.00 (" + first + ")\n  ALFA/600100: none left\n", "demo password"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"bust", "--addr", addr}, tc.args...)...)
			if code != tc.code || stdout != tc.stdout || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
