package terminal

import (
	"strings"
	"testing"

	"holdfast/biz/client"
)

// A price can be pushed before the list of the watch is complete, which may come in many
// replies: there is no earlier price to compare with.
func TestQuoteBeforeList(t *testing.T) {
	sh := &shell{style: NewStyle(false)}
	key := client.Key{Market: "M", Code: "1"}
	quote := func(p client.Price) string {
		return sh.pushText(client.Push{Event: client.Quote{Key: key, LastPrice: p}})
	}
	if got, want := quote(100_100), "M/1 10.01"; got != want {
		t.Errorf("before the list: %q, want %q", got, want)
	}
	sh.follow([]client.Key{}, []client.Instrument{{Key: key, LastPrice: 100_100}})
	if got, want := quote(100_200), "M/1 10.02 (+0.01)"; got != want {
		t.Errorf("after the list: %q, want %q", got, want)
	}
}

// pushLines returns the lines that a shell shows for pushes.
func pushLines(sh *shell, events ...client.Event) string {
	var b strings.Builder
	for i, e := range events {
		b.WriteString(sh.pushLine(client.Push{Sequence: uint64(i + 1), Event: e}))
	}
	return b.String()
}

var pushKey = client.Key{Market: "ALFA", Code: "600100"}

func limitOrder(status client.OrderStatus, filled client.Quantity) client.OrderUpdate {
	o := client.OrderState{
		ID: client.NewOrderID(100_001, 3), ClientOrderID: "a", Side: client.Buy, Key: pushKey, Type: client.TypeLimit,
		Quantity: 100, Price: 99_000, Status: status, Filled: filled, Leaves: 100 - filled,
	}
	if !status.Working() {
		o.Leaves = 0
	}
	return client.OrderUpdate{Order: o}
}

// Each push of an order, an account or a correction has one line.
func TestPushesOfOrders(t *testing.T) {
	sell := limitOrder(client.StatusCancelled, 40)
	sell.Order.Cause, sell.Order.Stop, sell.Order.Price = client.CauseShares, 98_000, 0
	filled := limitOrder(client.StatusFilled, 100)
	filled.Order.Type = client.TypeMarket
	bought := client.Execution{ID: client.NewExecutionID(100_001, 5), Corrects: client.NewExecutionID(100_001, 2), Side: client.Buy, Key: pushKey, Quantity: 80, Price: 100_000}
	account := client.Account{Cash: 5_000_000}
	cases := []struct {
		name  string
		event client.Event
		want  string
	}{
		{"rests", limitOrder(client.StatusNew, 0), "* order 100001-3: buy 100 ALFA/600100 @ 9.90, new, 100 left\n"},
		{"partly executed", limitOrder(client.StatusPartiallyFilled, 40), "* order 100001-3: buy 100 ALFA/600100 @ 9.90, partially filled, 40 filled, 60 left\n"},
		{"executed", limitOrder(client.StatusFilled, 100), "* order 100001-3: buy 100 ALFA/600100 @ 9.90, filled\n"},
		{"cancelled", sell, "* order 100001-3: buy 100 ALFA/600100 stop 9.80, cancelled, 40 filled: a bust or a correction has taken the shares\n"},
		{"market order, executed", filled, ""},
		{"deposit", client.AccountUpdate{Change: client.AccountDeposit, Amount: 1_000_000, Text: "bonus\n", Account: account}, "* account deposit +100.00: bonus\\n; cash 500.00\n"},
		{"reset", client.AccountUpdate{Change: client.AccountReset, Account: account}, "* account reset; cash 500.00\n"},
		{"bust", client.ExecutionBusted{ID: client.NewExecutionID(100_001, 2), Reason: "typo"}, "* execution 100001-2 was busted: typo\n"},
		{"correction", client.ExecutionBusted{ID: client.NewExecutionID(100_001, 2), Reason: "typo", CorrectedBy: bought.ID}, "* execution 100001-2 was corrected by 100001-5: typo\n"},
		{"what corrects it", bought, "* bought 80 ALFA/600100 @ 10.00 = 800.00 (100001-5, corrects 100001-2)\n"},
	}
	for _, tc := range cases {
		if got := pushLines(&shell{style: NewStyle(false)}, tc.event); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// On a terminal, a busted execution is struck out.
func TestBustedIsStruckOut(t *testing.T) {
	sh := &shell{style: NewStyle(true)}
	id := client.NewExecutionID(100_001, 2)
	if got := pushLines(sh, client.ExecutionBusted{ID: id, Reason: "typo"}); !strings.Contains(got, "\x1b[9mexecution 100001-2\x1b[0m") {
		t.Errorf("push: %q", got)
	}
	busted := client.Execution{ID: id, Side: client.Buy, Key: pushKey, Quantity: 10, Price: 100_000, Busted: true, BustReason: "typo"}
	if got := BustedText(sh.style, client.Busted{Execution: busted}); !strings.Contains(got, "\x1b[9mbought 10 ALFA/600100 @ 10.00 = 100.00 (100001-2)\x1b[0m") {
		t.Errorf("bust: %q", got)
	}
	var out strings.Builder
	sh.screen = &screen{Writer: &out}
	valid, corrected := busted, busted
	valid.ID, valid.Busted = id+1, false
	corrected.ID, corrected.CorrectedBy = id+2, id+3
	sh.showHistory(client.HistoryPage{Executions: []client.Execution{corrected, valid, busted}})
	for part, want := range map[string]int{"\x1b[9m100001-2\x1b[0m": 1, "\x1b[9m100001-3": 0, "\x1b[9m100001-4\x1b[0m": 1, "BUSTED: typo": 1, "CORRECTED by 100001-5: typo": 1} {
		if strings.Count(out.String(), part) != want {
			t.Errorf("the history has %q %d times: %q", part, strings.Count(out.String(), part), out.String())
		}
	}
}

// What is in the reply to an own order is not shown again, whether its pushes come before the
// reply or after it; what happens later is shown.
func TestOwnOrderThatRests(t *testing.T) {
	part := client.Execution{ID: client.NewExecutionID(100_001, 5), ClientOrderID: "a", Side: client.Buy, Key: pushKey, Quantity: 40, Price: 99_000}
	position := client.PositionUpdate{Change: client.Opened, Position: client.Position{Key: pushKey, Quantity: 40}}
	first := []client.Event{part, limitOrder(client.StatusPartiallyFilled, 40), position}
	reply := client.Placed{Status: client.StatusPartiallyFilled, Filled: 40, Leaves: 60, Executions: []client.Execution{part}}
	part.ID++
	part.Quantity = 60
	later := []client.Event{part, limitOrder(client.StatusFilled, 100), position}
	for _, before := range []bool{true, false} {
		sh := &shell{style: NewStyle(false)}
		sh.expect("a")
		shown := ""
		if before {
			shown = pushLines(sh, first...)
		}
		sh.replied("a", reply)
		if !before {
			shown = pushLines(sh, first...)
		}
		if shown != "" {
			t.Errorf("shown again: %q", shown)
		}
		if got := pushLines(sh, later...); strings.Count(got, "\n") != 3 || len(sh.own) != 0 {
			t.Errorf("later: %q", got)
		}
	}
	sh := &shell{style: NewStyle(false)}
	sh.expectCancel(client.NewOrderID(100_001, 3), true)
	if got := pushLines(sh, limitOrder(client.StatusCancelled, 0), limitOrder(client.StatusCancelled, 0)); strings.Count(got, "\n") != 1 {
		t.Errorf("an own cancel and another one: %q", got)
	}
	sh.expectCancel(client.NewOrderID(100_001, 3), true)
	sh.expectCancel(client.NewOrderID(100_001, 3), false)
	if got := pushLines(sh, limitOrder(client.StatusCancelled, 0)); got == "" {
		t.Error("a cancel of others is not shown after an own one has failed")
	}
}

// The same of a market order that fills at once, which has no OrderUpdate.
func TestOwnOrderThatFills(t *testing.T) {
	x := client.Execution{ID: client.NewExecutionID(100_001, 5), ClientOrderID: "a", Side: client.Buy, Key: pushKey, Quantity: 100, Price: 99_000}
	position := client.PositionUpdate{Change: client.Opened, Position: client.Position{Key: pushKey, Quantity: 100}}
	bust := limitOrder(client.StatusCancelled, 0)
	bust.Order.Cause = client.CauseBust
	for _, before := range []bool{true, false} {
		sh := &shell{style: NewStyle(false)}
		sh.expect("a")
		shown := ""
		if before {
			shown = pushLines(sh, x, position)
		}
		sh.replied("a", client.Placed{Status: client.StatusFilled, Filled: 100, Executions: []client.Execution{x}})
		if !before {
			shown = pushLines(sh, x, position)
		}
		if shown != "" || len(sh.own) != 0 {
			t.Errorf("shown again: %q, %d own orders", shown, len(sh.own))
		}
		if got := pushLines(sh, client.ExecutionBusted{ID: x.ID}, bust, position); strings.Count(got, "\n") != 3 {
			t.Errorf("the bust: %q", got)
		}
	}
}

// TestPlacedWithoutExecutions: the reply says what has become of the order.
func TestPlacedWithoutExecutions(t *testing.T) {
	var out strings.Builder
	sh := &shell{style: NewStyle(false), screen: &screen{Writer: &out}}
	id := client.NewOrderID(100_001, 3)
	sh.showPlaced(client.Placed{Order: id, Status: client.StatusNew, Leaves: 100})
	sh.showPlaced(client.Placed{Order: id, Status: client.StatusCancelled, Cause: client.CauseImmediateOrCancel})
	const want = "  order 100001-3: new, 100 left\n  order 100001-3: cancelled: the rest could not be executed at once\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
