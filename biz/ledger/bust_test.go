package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/biz/ledger"
)

// Each case runs its orders and then busts the one with the given number.
func TestBust(t *testing.T) {
	held := []ledger.Holding{{Instrument: tin, Quantity: 100, Cost: 1000}}
	cases := []struct {
		name     string
		holdings []ledger.Holding
		orders   []ledger.Order
		number   int
		change   ledger.Change
		position ledger.Position
		cash     ledger.Money // 10,000 at first
		realised ledger.Money
		rows     uint32
	}{
		{
			"buy that opened", nil, []ledger.Order{buy(10, 20)}, 1,
			ledger.Closed, ledger.Position{Instrument: tin}, 10_000, 0, 0,
		},
		{
			"buy that increased", held, []ledger.Order{buy(10, 20)}, 1,
			ledger.Decreased, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"sell that decreased", held, []ledger.Order{sell(10, 30)}, 1,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"sell that closed", held, []ledger.Order{sell(100, 30)}, 1,
			ledger.Opened, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000, 0, 1,
		},
		{
			"dear buy after a sell: cost would be negative",
			nil, []ledger.Order{buy(10, 100), buy(10, 10), sell(10, 50)}, 1,
			ledger.Closed, ledger.Position{Instrument: tin, Realised: -50 + 450}, 10_000 - 100 + 500, -50 + 450, 0,
		},
		{
			"cost below zero with shares left",
			nil, []ledger.Order{buy(10, 100), buy(20, 1), sell(10, 50)}, 1,
			ledger.Decreased, ledger.Position{Instrument: tin, Quantity: 10, Realised: 500 - 340 + 320}, 10_000 - 20 + 500, 500 - 340 + 320, 1,
		},
		{
			"cost without shares", nil, []ledger.Order{buy(10, 10), buy(10, 100), sell(10, 50)}, 1,
			ledger.Closed, ledger.Position{Instrument: tin, Realised: -50 - 450}, 10_000 - 1000 + 500, -500, 0,
		},
		{
			"sell of an earlier life of the row",
			nil, []ledger.Order{buy(10, 10), sell(10, 15), buy(5, 20), sell(1, 30)}, 2,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 14, Cost: 180, Realised: 10}, 10_000 - 100 - 100 + 30, 10, 1,
		},
		{
			"sell of this life of the row",
			nil, []ledger.Order{buy(10, 10), sell(10, 15), buy(5, 20), sell(1, 30)}, 4,
			ledger.Increased, ledger.Position{Instrument: tin, Quantity: 5, Cost: 100}, 10_000 + 50 - 100, 50, 1,
		},
		{
			"proceeds are spent already: cash goes negative",
			held, []ledger.Order{sell(100, 100), {Side: ledger.Buy, Instrument: rail, Quantity: 1, Price: 19_000, Time: 1}}, 1,
			ledger.Opened, ledger.Position{Instrument: tin, Quantity: 100, Cost: 1000}, 10_000 - 19_000, 0, 2,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := open(t, 10_000, c.holdings...)
			before := constant(a)
			var events []ledger.Event
			for _, o := range c.orders {
				events = append(events, place(t, a, o))
			}
			e := bust(t, a, events[c.number-1].Execution)
			equal(t, "kind", e.Kind, ledger.KindBust)
			equal(t, "number", e.Number, uint64(len(c.orders)+1))
			equal(t, "change", e.Change, c.change)
			equal(t, "position", e.Position, c.position)
			equal(t, "cash", a.Cash(), c.cash)
			equal(t, "realised", a.Realised(), c.realised)
			equal(t, "rows", e.Rows, c.rows)
			equal(t, "invariant", constant(a), before)
			if p, held := a.Position(tin); held {
				equal(t, "position of the account", p, c.position)
			}
		})
	}
}

func TestBustTwiceIsHarmless(t *testing.T) {
	a := open(t, 10_000)
	x := place(t, a, buy(10, 10)).Execution
	place(t, a, buy(1, 10))
	first := bust(t, a, x)
	place(t, a, buy(1, 10))
	unchanged(t, a, func() {
		again, changed, err := a.Bust(ledger.Bust{Execution: x, Reason: "other", Time: 99})
		if err != nil || changed {
			t.Errorf("changed %v, %v", changed, err)
		}
		equal(t, "number", again.Number, first.Number)
		equal(t, "time", again.Time, first.Time)
		equal(t, "execution", again.Execution, x)
		equal(t, "shares now", again.Position.Quantity, 2)
		equal(t, "rows now", again.Rows, 1)
	})
	found, ok := a.FindBust(x.ID)
	equal(t, "what is found", found, ledger.Busted{Number: 3, Time: 2, Reason: "test"})
	if _, other := a.FindBust(x.ID + 1); !ok || other {
		t.Error("the wrong execution is busted")
	}
}

func TestBustRefused(t *testing.T) {
	a := open(t, 10_000)
	first := place(t, a, buy(10, 10)).Execution
	place(t, a, sell(5, 10))
	changed := func(change func(*ledger.Execution)) ledger.Execution {
		x := first
		change(&x)
		return x
	}
	cases := []struct {
		name   string
		x      ledger.Execution
		reason string
		want   error
	}{
		{"shares are sold", first, "", ledger.ErrBustBlocked},
		{"number 0", changed(func(x *ledger.Execution) { x.ID = ledger.NewExecutionID(customer, 0) }), "", ledger.ErrUnknownExecution},
		{"not yet done", changed(func(x *ledger.Execution) { x.ID += 2 }), "", ledger.ErrUnknownExecution},
		{"of somebody else", changed(func(x *ledger.Execution) { x.ID = ledger.NewExecutionID(customer+1, 1) }), "", ledger.ErrUnknownExecution},
		{"other details", changed(func(x *ledger.Execution) { x.Quantity = 1 }), "", ledger.ErrMismatch},
		{"long reason", first, strings.Repeat("x", ledger.MaxReason+1), ledger.ErrBadBustReason},
		{"reason not UTF-8", first, "\xff", ledger.ErrBadBustReason},
		{"reason of two lines", first, "wrong\nprice", ledger.ErrBadBustReason},
		{"reason with an escape", first, "\x1b[2Jprice", ledger.ErrBadBustReason},
		{"reason with a NUL", first, "wrong\x00", ledger.ErrBadBustReason},
		{"reason with DEL", first, "wrong\x7f", ledger.ErrBadBustReason},
		{"reason with a C1 control", first, "wrong\u009b2J", ledger.ErrBadBustReason},
		{"reason that turns the text around", first, "wrong \u202eecirp", ledger.ErrBadBustReason},
		{"reason with a line separator", first, "wrong\u2028price", ledger.ErrBadBustReason},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			unchanged(t, a, func() {
				_, done, err := a.Bust(ledger.Bust{Execution: c.x, Reason: c.reason})
				if !errors.Is(err, c.want) || done {
					t.Errorf("done %v, %v, want %v", done, err, c.want)
				}
			})
		})
	}
}

func TestBustOfWhatIsNoLongerInMemory(t *testing.T) {
	a, err := ledger.NewAccount(customer, 10_000, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	x := place(t, a, buy(10, 10)).Execution
	for range 3 {
		place(t, a, buy(1, 10))
	}
	if _, ok := a.FindExecution(x.ID); ok {
		t.Fatal("still in memory")
	}
	equal(t, "shares", bust(t, a, x).Position.Quantity, 3)
	for range 3 {
		place(t, a, buy(1, 10))
	}
	if _, changed, err := a.Bust(ledger.Bust{Execution: x}); changed || err != nil {
		t.Errorf("second bust: changed %v, %v", changed, err)
	}
}

func TestBustAtTheLimit(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity})
	x := place(t, a, sell(2, 10)).Execution
	place(t, a, buy(1, 10))
	unchanged(t, a, func() {
		if _, _, err := a.Bust(ledger.Bust{Execution: x}); !errors.Is(err, ledger.ErrTooLarge) {
			t.Error(err)
		}
	})
}

// TestOldReasonsAreReplayed: journals of earlier servers have reasons that a new bust can't
// have. They stay as they are.
func TestOldReasonsAreReplayed(t *testing.T) {
	for _, reason := range []string{"wrong\nprice", "\x1b[2J", "\u202e", ""} {
		a, twin := open(t, 10_000), open(t, 10_000)
		bought := place(t, a, buy(10, 10))
		busted, _, err := a.Bust(ledger.Bust{Execution: bought.Execution})
		if err != nil {
			t.Fatal(err)
		}
		written := ledger.AppendEvent(nil, &busted, reason)
		e, read, _, err := ledger.DecodeEvent(written)
		if err != nil || read != reason {
			t.Fatalf("%q: read %q, %v", reason, read, err)
		}
		for _, r := range []struct {
			e      *ledger.Event
			reason string
		}{{&bought, ""}, {&e, read}} {
			if applied, err := twin.Replay(r.e, r.reason); err != nil || !applied {
				t.Fatalf("%q: applied %t, %v", reason, applied, err)
			}
		}
		if b, ok := twin.FindBust(bought.Execution.ID); !ok || b.Reason != reason {
			t.Errorf("%q: the account has %q", reason, b.Reason)
		}
		again, err := ledger.RestoreAccount(twin.AppendState(nil), 10)
		if err != nil {
			t.Fatalf("%q: %v", reason, err)
		}
		if b, _ := again.FindBust(bought.Execution.ID); b.Reason != reason {
			t.Errorf("%q: the restored account has %q", reason, b.Reason)
		}
	}
}

func TestValidReason(t *testing.T) {
	for _, good := range []string{"", "wrong price", "Preis falsch: 10,50 €", "價格錯誤", strings.Repeat("x", ledger.MaxReason)} {
		if !ledger.ValidReason(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"\t", "a\r", "\u00a0", "\xc3", strings.Repeat("ä", ledger.MaxReason/2+1)} {
		if ledger.ValidReason(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}
