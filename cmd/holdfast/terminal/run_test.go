package terminal_test

import (
	"io"
	"strings"
	"testing"

	"holdfast/biz/client"
)

func TestClientCommands(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	// Customer 100010 starts without positions, 100001 with 100 ALFA/600100.
	cases := []struct {
		name     string
		customer client.Customer
		lines    string
		fails    bool
		want     []string // parts of standard output, in this order
	}{
		{"login shows the account", 100001, "", false, []string{
			"account 100001 (Customer 1)\n", "INSTRUMENT   NAME          SHARES  SELLABLE  FROZEN  AVG COST  PRICE     VALUE  PROFIT  REALISED",
			"ALFA/600100  Northern Tin     100       100       0     10.00  10.00  1,000.00    0.00      0.00", "market value         1,000.00", "cash             1,000,000.00", "total            1,001,000.00"}},
		{"no positions", 100020, "", false, []string{"no positions", "cash"}},
		{"worked example", 100010, "buy 600100 100\nbuy ALFA/600100 100\nsell alfa/600100 100\nSELL 600100 100\n", false, []string{
			"bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100010-1)", "ALFA/600100: 100 shares, 1,000.00, profit 0.00",
			"ALFA/600100: 200 shares, 2,000.00", "sold 100 ALFA/600100 @ 10.00 = 1,000.00 (100010-3)", "ALFA/600100: 100 shares, 1,000.00", "ALFA/600100: none left"}},
		{"history, newest first", 100010, "history 2\n", false, []string{"EXECUTION", "100010-4", "sell", "100010-3", "there are older ones: history 2 100010-3"}},
		{"no history", 100020, "history\n", false, []string{"no executions"}},
		{"an older page of the history", 100010, "history 1 100010-3\n", false, []string{"100010-2", "there are older ones: history 1 100010-2"}},
		{"large quantity", 100011, "buy 300103 1000\n", false, []string{"bought 1,000 BETA/300103 @ 6.56 = 6,560.00"}},
		{"quotes", 100020, "quote 600100 300103\n", false, []string{"INSTRUMENT   NAME          LOT  PRICE", "ALFA/600100  Northern Tin    1  10.00", "BETA/300103  River Paper     1   6.56"}},
		{"all quotes", 100020, "quote\n", false, []string{"ALFA/600100", "BETA/300109"}},
		{"watch", 100020, "watch 600100\nquote 300103\nwatch off\n", false, []string{"ALFA/600100  Northern Tin", "BETA/300103"}},
		{"holding", 100001, "holding\n", false, []string{"account 100001", "account 100001"}},
		{"limit order", 100021, "buy 600100 100 9.90\norders\nholding\ncancel 100021-1\norders\n", false, []string{
			"  order 100021-1: new, 100 left\n", "ORDER     SIDE  INSTRUMENT   SHARES  FILLED  LEFT  LIMIT  STOP  STATUS\n  100021-1  buy   ALFA/600100     100       0   100   9.90        new\n",
			"of it free", "  order 100021-1: buy 100 ALFA/600100 @ 9.90, cancelled: at the request of a client\n", "no working orders"}},
		{"limit order that is executed", 100022, "buy 600100 100 10.5\nsell 600100 40 9\n", false, []string{
			"bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100022-1)\n  ALFA/600100: 100 shares", "sold 40 ALFA/600100 @ 10.00"}},
		{"stop order, for some time, with a name", 100023, "buy 600100 100 11 stop 10.50 until 2199-01-05T14:00:00+08:00 as mine\nbuy 600100 50 limit 9.90 as mine\norders\n", false, []string{
			"  order 100023-1: new, 100 left\n", "used before; the first reply was:\n  order 100023-1: new, 100 left\n", "100023-1  buy   ALFA/600100     100       0   100  11.00  10.50  new"}},
		{"at once or not at all", 100024, "buy 600100 100 9.90 IOC\nbuy 600100 100 9.90 fok\nbuy 600100 10 ioc\n", false, []string{
			"order 100024-1: cancelled: the rest could not be executed at once", "order 100024-2: cancelled: not all of it could be executed at once", "bought 10 ALFA/600100"}},
		{"replace", 100025, "buy 600100 100 9.90 gtc\nreplace 100025-1 200 9.95 as r\nreplace 100025-1 300 as r\nreplace 100025-1 50\ncancel all\norders\n", false, []string{
			"  replaced: order 100025-1: buy 200 ALFA/600100 @ 9.95, new, 200 left\n", "used before; the first reply was:\n  replaced: order 100025-1: buy 200 ALFA/600100 @ 9.95, new, 200 left\n", "  replaced: order 100025-1: buy 50 ALFA/600100 @ 9.95, new, 50 left\n", "  cancelled: 1 order\n", "no working orders"}},
		{"help", 100020, "help\n", false, []string{"buy", "CODE QUANTITY", "quit"}},
		{"quit ends it", 100020, "quit\nbuy nonsense\n", false, []string{"no positions"}},
		{"empty lines", 100020, "\n   \n", false, []string{"no positions"}},

		{"slip", 100020, "sel 600100 1\nhelp\n", true, []string{`error: unknown command "sel" (did you mean "sell"?); "help" lists them all`, "COMMAND"}},
		{"unknown command", 100020, "frobnicate\n", true, []string{`error: unknown command "frobnicate"; "help"`}},
		{"buy without quantity", 100020, "buy 600100\n", true, []string{"error: usage: buy CODE QUANTITY [PRICE]"}},
		{"bad quantity", 100020, "buy 600100 ten\n", true, []string{`error: "ten" is not a number of shares`}},
		{"thousands separator", 100020, "buy 600100 1,000\n", true, []string{`error: "1,000" is not a number of shares: digits only, such as 1500`}},
		{"decimal comma", 100020, "buy 600100 1,5\n", true, []string{`error: "1,5" is not a number of shares`}},
		{"decimal point", 100020, "buy 600100 1.5\n", true, []string{`error: "1.5" is not a number of shares`}},
		{"exponent", 100020, "buy 600100 1e3\n", true, []string{`error: "1e3" is not a number of shares`}},
		{"sign", 100020, "buy 600100 +5\n", true, []string{`error: "+5" is not a number of shares`}},
		{"underscore", 100020, "sell 600100 1_000\n", true, []string{`error: "1_000" is not a number of shares`}},
		{"too many shares for a number", 100020, "buy 600100 9223372036854775808\n", true, []string{"is not a number of shares"}},
		{"negative quantity", 100020, "buy 600100 -5\n", true, []string{`error: "-5" is not a number of shares`}},
		{"too many words", 100020, "buy 600100 1 2 3\n", true, []string{"error: usage: buy CODE QUANTITY [PRICE]"}},
		{"bad price", 100020, "buy 600100 1 9,90\nbuy 600100 1 0\nbuy 600100 1 -1\nbuy 600100 1 1.\nbuy 600100 1 .5\nsell 600100 1 1.00001\n", true, []string{
			`error: "9,90" is not a price: such as 9.90, with at most 4 decimals`, `error: "0" is not`, `error: "-1" is not`, `error: "1." is not`, `error: ".5" is not`, `error: "1.00001" is not`}},
		{"orders of nothing", 100020, "orders nothing\norders all filled\norders busted\norders side up\norders from noon\norders from 1h to 2h\n", true, []string{
			`error: unknown filter "nothing"; usage: orders [N [ID]] [FILTERS], N from 1 to 1000`, "error: usage: orders", "error: usage: orders", `error: "up" is not a side: buy or sell`,
			`error: "noon" is not a time: such as 2h (ago)`, "error: from must be before to"}},
		{"orders and history by filters", 100037, "buy 600100 10 0.01 gtc\nbuy 600100 20\norders all\norders --side sell\norders 1 all\norders all --instrument 600100 --from 2h\nhistory --side sell\nhistory side buy standing\nhistory busted\n", false, []string{
			"100037-2", "filled", "100037-1", "new", "no such orders", "100037-2", "there are older ones: orders 1 100037-2 all", "100037-2", "100037-1",
			"no executions", "100037-1", "no executions"}},
		{"wrong terms", 100020, "buy 600100 1 stop\nbuy 600100 1 9 gtx\nbuy 600100 1 until noon\nbuy 600100 1 stop low\n", true, []string{
			"error: usage: buy CODE QUANTITY [PRICE] [TERMS]", "error: usage: buy", `error: "noon" is not a time: such as 2026-01-05T14:00:00+08:00`, `error: "low" is not a price`}},
		{"replace of nothing", 100020, "replace\nreplace 17 5\nreplace 100020-1 0\nreplace 100020-1 5 6 7\nreplace 100020-9 5\n", true, []string{
			"error: usage: replace ID QUANTITY", "error: bad id", `error: "0" is not a number of shares`, "error: usage: replace", "error: unknown order"}},
		{"cancel without id", 100020, "cancel\ncancel 17\ncancel 100020-9\n", true, []string{"error: usage: cancel ID", "error: bad id", "error: "}},
		{"unknown instrument", 100020, "buy 999999 1\n", true, []string{`error: unknown instrument "999999"; "quote" lists all of them`}},
		{"not enough shares", 100020, "sell 600100 1\n", true, []string{"error: not enough shares"}},
		{"bad history", 100020, "history all\n", true, []string{"error: usage: history [N [ID]] [FILTERS], N from 1 to 1000"}},
		{"bust without the role", 100020, "bust 100001-1 no good\n", true, []string{"error: busting an execution needs the operator role"}},
		{"bust without reason", 100020, "bust 100001-1\n", true, []string{"error: usage: bust ID REASON"}},
		{"bust of no id", 100020, "bust 17 x\n", true, []string{"error: bad id"}},
		{"operator busts", 900001, "bust 100011-1 keyed in by mistake\n", false, []string{"Operator, operator", "busted: bought 1,000 BETA/300103 @ 6.56", "BETA/300103"}},
		{"history says busted", 100011, "history\n", false, []string{"100011-1", "BUSTED: keyed in by mistake"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			stdout, err := typed(t, addr, tc.customer, tc.lines)
			if (err != nil) != tc.fails || err != nil && err.Error() != "not all commands succeeded" {
				t.Errorf("error %v, want one: %v", err, tc.fails)
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

// What others do to the account is shown; what the client does itself only once.
func TestClientShowsPushes(t *testing.T) {
	t.Parallel()
	addr := testServer(t).addr
	r := startClient(t, addr, 100020, false)
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100020-1)")

	typed(t, addr, 100020, "buy 600100 50\n")
	r.out.await(t, "* bought 50 ALFA/600100 @ 10.00 = 500.00 (100020-2)\n* ALFA/600100: 150 shares, 1,500.00, profit 0.00 (increased)\n")
	typed(t, addr, 900001, "bust 100020-2 typo\n")
	r.out.await(t, "* execution 100020-2 was busted: typo\n* ALFA/600100: 100 shares, 1,000.00, profit 0.00 (decreased)\n* order 100020-2: buy 50 ALFA/600100, cancelled: an execution was busted\n")
	io.WriteString(r.in, "buy 600100 10\n")
	r.out.await(t, "(100020-3)\n  ALFA/600100: 110 shares")
	typed(t, addr, 900001, "bust 100020-3 typo\n")
	r.out.await(t, "* execution 100020-3 was busted: typo\n* ALFA/600100: 100 shares, 1,000.00, profit 0.00 (decreased)\n* order 100020-3: buy 10 ALFA/600100, cancelled: an execution was busted\n")
	if n := strings.Count(r.out.String(), "(100020-1)"); n != 1 {
		t.Errorf("the client's own execution is shown %d times", n)
	}
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}

// A server that goes away ends the client with what the server said.
func TestClientHearsOfTheEnd(t *testing.T) {
	t.Parallel()
	s := testServer(t)
	r := startClient(t, s.addr, 100020, false)
	r.out.await(t, "realised profit")
	s.stop()
	r.out.await(t, "notice: ")
	io.WriteString(r.in, "holding\n")
	if err := <-r.ends; err == nil || !strings.HasPrefix(err.Error(), "the server closed the connection: ") {
		t.Error(err)
	}
}

// TestLongLines: the error for a line that is too long says what the limit is.
func TestLongLines(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, trades)
	if stdout, err := jsonClient(t, s.addr, strings.Repeat("x", 64<<10)+"\nholding\n"); err == nil || strings.Count(stdout, `"event":"reply"`) != 1 {
		t.Errorf("at the limit: %v, %s", err, stdout)
	}
	const want = "a line of standard input has more than 65536 bytes"
	if _, err := jsonClient(t, s.addr, strings.Repeat("x", 64<<10+1)+"\nholding\n"); err == nil || err.Error() != want {
		t.Errorf("above it: %v", err)
	}
}
