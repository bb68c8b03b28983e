package main_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
)

// fleeting matches what differs from run to run in the output of operators' commands.
var fleeting = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+ [+-]\d\d:\d\d( \([^)]*\))?)?`)

// operated is a command line of an operator, and what must come of it.
type operated struct {
	name   string
	args   string // separated by blanks; "~" in a word is a blank
	code   int
	stdout string // without times; "" for nothing at all
	stderr string // a part
}

func (o *operated) run(t *testing.T, addr string) {
	t.Helper()
	var args []string
	for word := range strings.FieldsSeq(o.args) {
		args = append(args, strings.ReplaceAll(word, "~", " "))
	}
	code, stdout, stderr := run(t, append(args, "--addr", addr)...)
	stdout = fleeting.ReplaceAllString(stdout, "TIME")
	if code != o.code || stdout != o.stdout || !strings.Contains(stderr, o.stderr) || (o.code != 0) != (strings.Count(stderr, "\n") == 1) {
		t.Errorf("%s: code %d, stderr %q, stdout\n%s\nwant %d, %q,\n%s", o.name, code, stderr, stdout, o.code, o.stderr, o.stdout)
	}
}

// loggedIn returns a logged-in client.
func loggedIn(t *testing.T, addr string, customer client.Customer) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), addr, client.Options{Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Login(t.Context(), customer, client.DemoToken(customer)); err != nil {
		t.Fatal(err)
	}
	return c
}

var tin = client.Key{Market: "ALFA", Code: "600100"}

func order(t *testing.T, c *client.Client, o client.Order) client.Placed {
	t.Helper()
	o.Key = tin
	placed, err := c.PlaceOrder(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

// TestOperatorsCommands: one after the other, on a server with one client. Not parallel: each
// command has 45 s for its login, and on a slow machine other tests use all cores for longer.
func TestOperatorsCommands(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
		"--clock", "stepped", "--start", "2026-01-05T09:00:00Z")
	if want := "clock        stepped, at "; !strings.Contains(s.out.String(), want) {
		t.Errorf("%q is missing from the first lines:\n%s", want, s.out)
	}
	c := loggedIn(t, s.addr, 100010)
	order(t, c, client.Order{ClientOrderID: "a", Side: client.Buy, Quantity: 100})
	order(t, c, client.Order{ClientOrderID: "b", Side: client.Buy, Quantity: 200, Price: 90_000})
	order(t, c, client.Order{ClientOrderID: "c", Side: client.Buy, Quantity: 50, Price: 80_000, TimeInForce: client.GoodTillCancelled})
	const orders = "  ORDER     CLIENT ORDER ID  SIDE  INSTRUMENT   SHARES  FILLED  LEFT  LIMIT  STOP  IN FORCE"
	for _, o := range []operated{
		{"list", "order list 100010", 0, orders + "             STATUS\n" +
			"  100010-2  b                buy   ALFA/600100     200       0   200   9.00     -  day                  new\n" +
			"  100010-3  c                buy   ALFA/600100      50       0    50   8.00     -  good till cancelled  new\n", ""},
		{"empty list", "order list 100020", 0, "  no working orders\n", ""},
		{"fill a part", "order fill 100010-2 --quantity 80 --price 8.95", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE   VALUE\n" +
				"  100010-2   TIME  buy   ALFA/600100      80   8.95  716.00\n" + orders + "  STATUS\n" +
				"  100010-2  b                buy   ALFA/600100     200      80   120   9.00     -  day       partially filled\n", ""},
		{"cancel", "order cancel 100010-2", 0, orders + "  STATUS\n" +
			"  100010-2  b                buy   ALFA/600100     200      80     0   9.00     -  day       cancelled  by an operator\n", ""},
		{"cancel again", "order cancel 100010-2", 1, "", "order cancel 100010-2: too late: the order is cancelled; \"holdfast order fill --late\" executes a cancelled or expired one"},
		{"fill late", "order fill 100010-2 --late --quantity 10", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE   VALUE\n" +
				"  100010-3   TIME  buy   ALFA/600100      10  10.00  100.00\n" + orders + "  STATUS\n" +
				"  100010-2  b                buy   ALFA/600100     200      90     0   9.00     -  day       cancelled\n", ""},
		{"fill of a filled order", "order fill 100010-1", 1, "", "order fill 100010-1: too late: the order is filled\n"},
		{"cancel all", "order cancel --customer 100010 --instrument ALFA/600100", 0, "  cancelled: 1 order\n", ""},
		{"cancel of everyone", "order cancel --everyone", 0, "  cancelled: 0 orders\n", ""},
		{"unknown order", "order fill 100010-99", 1, "", "unknown order: \"holdfast order list\" lists the working ones"},

		{"bust dry", "bust 100010-3 --reason x --dry-run", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE   VALUE\n" +
				"  100010-3   TIME  buy   ALFA/600100      10  10.00  100.00\n  nothing was changed; to bust: 1 execution of 1 account\n", ""},
		{"correct dry", "correct 100010-3 --quantity 20 --price 9.99 --reason typing~error --dry-run", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE   VALUE\n" +
				"  100010-3   TIME  buy   ALFA/600100      10  10.00  100.00  CORRECTED by 100010-4: typing error\n" +
				"  100010-4   TIME  buy   ALFA/600100      20   9.99  199.80  corrects 100010-3\n  nothing was changed; then ALFA/600100: 200 shares, 2,000.00\n", ""},
		{"correct", "correct 100010-3 --quantity 20 --price 9.99 --reason typing~error", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE   VALUE\n" +
				"  100010-3   TIME  buy   ALFA/600100      10  10.00  100.00  CORRECTED by 100010-4: typing error\n" +
				"  100010-4   TIME  buy   ALFA/600100      20   9.99  199.80  corrects 100010-3\n  ALFA/600100: 200 shares, 2,000.00\n", ""},
		{"bust dry of one that was corrected", "bust 100010-3 --reason x --dry-run", 0, "  nothing to bust: 100010-3 was busted before: typing error\n", ""},
		{"correct again, dry", "correct 100010-3 --quantity 20 --price 9.99 --reason again --dry-run", 1, "", "correct 100010-3: the execution is busted"},
		{"correct again", "correct 100010-3 --quantity 20 --price 9.99 --reason again", 1, "", "correct 100010-3: the execution is busted"},
		{"bust a range", "bust --instrument ALFA/600100 --from 2026-01-05T09:00:00Z --to 2026-01-05T09:00:01Z --reason bad~feed", 0,
			"  EXECUTION  TIME                 SIDE  INSTRUMENT   SHARES  PRICE     VALUE\n" +
				"  100010-1   TIME  buy   ALFA/600100     100  10.00  1,000.00\n" +
				"  100010-2   TIME  buy   ALFA/600100      80   8.95    716.00\n" +
				"  100010-4   TIME  buy   ALFA/600100      20   9.99    199.80  corrects 100010-3\n  busted: 3 executions of 1 account\n", ""},

		{"halt", "market halt ALFA/600100", 0, "  halted: 1 instrument at TIME\n", ""},
		{"halt of a market", "market halt BETA", 0, "  halted: 10 instruments at TIME\n", ""},
		{"resume", "market resume ALFA", 0, "  resumed: 10 instruments at TIME\n", ""},
		{"unknown market", "market halt GAMMA", 1, "", "market halt GAMMA: unknown instrument: \"quote\" of \"holdfast client\" lists them"},
		{"jump", "market jump ALFA/600100 11.25", 0, "  ALFA/600100: 11.25 at TIME\n", ""},
		{"jump between ticks", "market jump ALFA/600100 11.255", 1, "", "market jump ALFA/600100 11.255: bad price"},
		{"step", "market step 90s", 0, "  clock: TIME\n", ""},
		{"clock", "market clock", 0, "  clock: TIME\n", ""},

		{"deposit", "account deposit 100020 2500.50 --text bonus", 0, accountText("100020", "1,002,500.50", "2,500.50"), ""},
		{"withdraw", "account withdraw 100020 0.50", 0, accountText("100020", "1,002,500.00", "2,500.00"), ""},
		{"withdraw too much", "account withdraw 100020 99999999", 1, "", "account withdraw 100020 99999999: not enough cash: 1002500.0000 cash"},
		{"reset", "account reset 100020", 0, accountText("100020", "1,000,000.00", "0.00"), ""},
		{"unknown customer", "account reset 5", 1, "", "account reset 5: unknown customer 5"},
		{"no operator", "account reset 100020 --operator 100001", 1, "", "operator role: use a login that may do it"},

		{"reject", "order reject 100010 --count 2 --reason HALTED", 0, "  the next 2 orders of 100010 are rejected: HALTED\n", ""},
		{"hold", "session hold 100010 30s", 0, "  the pushes to 100010 are held for 30s of the trading clock\n", ""},
		{"FIX fault", "session fault 100010 drop", 1, "", "customer 100010 has no FIX session so far: log on first"},
		{"disconnect later", "session disconnect 100020 --after-push 99", 0, "  the connections of 100020 are cut after push 99\n", ""},
	} {
		o.run(t, s.addr)
	}
	if _, err := c.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err == nil || !strings.Contains(err.Error(), "instrument halted") {
		t.Errorf("an order that was to be rejected: %v", err)
	}
	(&operated{"end of reject", "order reject 100010 --count 0", 0, "  orders of 100010 are no longer rejected\n", ""}).run(t, s.addr)
	placed := order(t, c, client.Order{Side: client.Buy, Quantity: 1})
	if want := time.Date(2026, 1, 5, 9, 1, 30, 0, time.UTC); !placed.Executions[0].Time.Equal(want) || placed.Executions[0].Price != 112_500 {
		t.Errorf("executed at %s for %s, want %s and 11.25", placed.Executions[0].Time, placed.Executions[0].Price, want)
	}
	(&operated{"disconnect", "session disconnect 100010", 0, "  cut: 1 connection of 100010\n", ""}).run(t, s.addr)
	<-c.Done()
	if code := s.stop(); code != 0 {
		t.Errorf("the server ended with %d: %s", code, s.errs)
	}
}

func accountText(customer, cash, deposits string) string {
	rows := [][2]string{
		{"account", customer}, {"cash", cash}, {"free", cash}, {"frozen", "0.00"}, {"unsettled", "0.00"}, {"deposits", deposits},
		{"fees of buys", "0.00"}, {"market value", "0.00"}, {"realised profit", "0.00"}, {"working orders", "0"},
	}
	width := max(len(cash), len(customer))
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("  " + row[0] + strings.Repeat(" ", len("realised profit")-len(row[0])+2+width-len(row[1])) + row[1] + "\n")
	}
	return b.String()
}

// TestOperatorsMistakes: a wrong command line of an operator ends with the code for usage before
// anything is sent, and says what is right.
func TestOperatorsMistakes(t *testing.T) {
	t.Parallel()
	for _, o := range []operated{
		{"no subcommand", "market halt", 2, "", "missing argument INSTRUMENT; see \"holdfast market halt --help\""},
		{"no market", "market halt /600100", 2, "", `INSTRUMENT wants an instrument such as ALFA/600100, or a market such as ALFA, got "/600100"`},
		{"no instrument", "market jump ALFA 10", 2, "", `INSTRUMENT wants an instrument such as ALFA/600100, got "ALFA"`},
		{"negative price", "market jump ALFA/600100 -1.5", 2, "", "-1.5: no value is negative; see \"holdfast market jump --help\""},
		{"no such subcommand", "market stepp 5m --dry-run", 2, "", "unknown command \"stepp\" (did you mean \"step\"?)"},
		{"nobody to show", "account show", 2, "", "missing argument CUSTOMER"},
		{"price of nothing", "market jump ALFA/600100 0", 2, "", `PRICE wants a price above 0 such as 10.25, with at most 4 decimals, got "0"`},
		{"no duration", "market step 5", 2, "", `DURATION wants a duration above 0, up to 8760h, such as 20s or 1m30s, got "5"`},
		{"no order", "order fill 17", 2, "", `bad id "17": an order id looks like 100001-17`},
		{"nothing to cancel", "order cancel", 2, "", "missing argument ORDER; or name those that match with --customer or --everyone"},
		{"two things to cancel", "order cancel 100001-1 --everyone", 2, "", "name an ORDER, or those that match with flags, not both"},
		{"two scopes", "order cancel --customer 1 --everyone", 2, "", "--customer and --everyone exclude each other"},
		{"an instrument of whom", "order cancel --instrument ALFA/600100", 2, "", "missing argument ORDER; or name those"},
		{"no customer", "order list x", 2, "", `CUSTOMER wants a whole number from 1 to 2^32-1, got "x"`},
		{"slip in a reason", "order reject 100001 --reason BAD_LOTS", 2, "", `--reason wants a reason of the protocol such as NOT_ENOUGH_CASH (did you mean "BAD_LOT"?), got "BAD_LOTS"`},
		{"no amount", "account deposit 100001 1,000.00", 2, "", `AMOUNT wants an amount above 0 such as 2500.00, with at most 4 decimals, got "1,000.00"`},
		{"unknown fault", "session fault 100001 drip", 2, "", `fault wants one of none, drop, delay, skip, check_sum, body_length, poss_dup, repeat, swap, cut, reject, logout, disconnect, got "drip"`},
		{"fault without delay", "session fault 100001 delay", 2, "", "delay needs --delay, such as --delay 5s"},
		{"delay of another fault", "session fault 100001 drop --delay 5s", 2, "", "--delay belongs to the fault delay"},
		{"long hold", "session hold 100001 25h", 2, "", `DURATION wants a duration above 0, up to 24h, such as 20s or 1m30s, got "25h"`},
		{"half a range", "bust --instrument ALFA/600100 --reason x", 2, "", "several executions need --instrument, --from and --to"},
		{"range backwards", "bust --instrument ALFA/600100 --from 2026-01-05T09:01:00Z --to 2026-01-05T09:01:00Z --reason x", 2, "", "--to must be later than --from"},
		{"one and several", "bust 100001-1 --customer 5 --reason x", 2, "", "name an EXECUTION, or several with --instrument, --from and --to, not both"},
		{"half a correction", "correct 100001-1 --price 5 --reason x", 2, "", "--quantity and --price are missing: name both, also what stays"},
		{"correction without reason", "correct 100001-1 --price 5 --quantity 5", 2, "", "--reason is missing: the customer will see it"},
	} {
		o.run(t, "127.0.0.1:1")
	}
}

func TestAccountShow(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	order(t, loggedIn(t, addr, 100001), client.Order{ClientOrderID: "x", Side: client.Sell, Quantity: 40, Price: 200_000})
	order(t, loggedIn(t, addr, 100001), client.Order{Side: client.Buy, Quantity: 1})
	for _, operator := range []string{"900001", "100001"} {
		code, stdout, stderr := run(t, "account", "show", "100001", "--addr", addr, "--operator", operator)
		if code != 0 {
			t.Fatalf("code %d, %s", code, stderr)
		}
		words := strings.Join(strings.Fields(stdout), " ")
		for _, want := range []string{"account 100001 cash", "working orders 1 INSTRUMENT", "ALFA/600100 101 61 40", "100001-1 x sell", "buy ALFA/600100 1 10.00"} {
			if !strings.Contains(words, want) {
				t.Errorf("%q is missing from\n%s", want, stdout)
			}
		}
	}
	code, stdout, _ := run(t, "account", "show", "100001", "--addr", addr, "--json", "--executions", "0")
	var got struct {
		Positions struct {
			Account   struct{ Customer int }
			Positions []struct{ Code, Quantity, Frozen string }
		}
		Orders struct {
			Orders []struct{ ClientOrderID string }
		}
		History struct{ Executions []any }
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("code %d, %v in\n%s", code, err, stdout)
	}
	if p := got.Positions; p.Account.Customer != 100001 || len(p.Positions) != 1 || p.Positions[0].Quantity != "101" || p.Positions[0].Frozen != "40" ||
		len(got.Orders.Orders) != 1 || got.Orders.Orders[0].ClientOrderID != "x" || len(got.History.Executions) != 0 {
		t.Errorf("got %+v", got)
	}
	(&operated{"another customer", "account show 100001 --operator 100002", 1, "", "another customer's positions need the operator or viewer role: use a login that may do it"}).run(t, addr)
	(&operated{"unknown customer", "account show 5", 1, "", "account show 5: unknown customer 5"}).run(t, addr)
}

// TestOrderListFilters: each flag selects orders by what it is named for.
func TestOrderListFilters(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
		"--clock", "stepped", "--start", "2026-01-05T09:00:00Z")
	c := loggedIn(t, s.addr, 100010)
	order(t, c, client.Order{Side: client.Buy, Quantity: 100})
	order(t, c, client.Order{Side: client.Buy, Quantity: 200, Price: 9_0000})
	if code, _, stderr := run(t, "market", "step", "1h", "--addr", s.addr); code != 0 {
		t.Fatal(stderr)
	}
	order(t, c, client.Order{Side: client.Sell, Quantity: 50, Price: 10_9900})
	cancelled := order(t, c, client.Order{Side: client.Buy, Quantity: 10, Price: 8_0000})
	if _, err := c.CancelOrder(t.Context(), client.OrderRef{ID: cancelled.Order}); err != nil {
		t.Fatal(err)
	}
	ids := regexp.MustCompile(`(?m)^  100010-(\d+) `)
	for flags, want := range map[string]string{
		"":                                  "2 3", // the oldest first
		"--all":                             "4 3 2 1",
		"--status working":                  "3 2",
		"--status filled,cancelled":         "4 1",
		"--side sell":                       "3",
		"--all --side buy":                  "4 2 1",
		"--all --from 2026-01-05T09:30:00Z": "4 3",
		"--all --to 2026-01-05T09:30:00Z":   "2 1",
		"--from 2026-01-05T09:30:00Z --to 2026-01-05T11:00:00Z": "3",
		"--all --instrument ALFA/600101":                        "",
		"--all --instrument ALFA/600100":                        "4 3 2 1",
		"--all --limit 2":                                       "4 3",
		"--all --before 100010-3":                               "2 1",
		"--before 100010-3":                                     "2",
	} {
		code, stdout, stderr := run(t, append(strings.Fields("order list 100010 "+flags), "--addr", s.addr)...)
		var got []string
		for _, m := range ids.FindAllStringSubmatch(stdout, -1) {
			got = append(got, m[1])
		}
		if code != 0 || stderr != "" || strings.Join(got, " ") != want {
			t.Errorf("%q: code %d, orders %q, want %q: %s%s", flags, code, got, want, stdout, stderr)
		}
		if older := strings.Contains(stdout, "there may be older ones: add --before 100010-3"); older != strings.Contains(flags, "--limit 2") {
			t.Errorf("%q: %s", flags, stdout)
		}
		if want == "" && stdout != "  no such orders\n" {
			t.Errorf("%q: %s", flags, stdout)
		}
	}
	for flags, want := range map[string]string{
		"--all --status filled": "--all and --status exclude each other",
		"--status open":         "--status wants some of working, new",
		"--from 2026-01-05T09:00:00Z --to 2026-01-05T09:00:00Z": "--from must be before --to",
		"--limit 0":       "--limit wants a whole number from 1 to 1000",
		"--before 100010": "--before bad id",
	} {
		if code, stdout, stderr := run(t, append(strings.Fields("order list 100010 "+flags), "--addr", s.addr)...); code != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: code %d, %q, %q", flags, code, stdout, stderr)
		}
	}
}
