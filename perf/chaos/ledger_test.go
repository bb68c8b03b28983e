package chaos_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/chaos"
)

// execution is an execution of ten shares.
func execution(number uint32, order string, side client.Side) client.Execution {
	return client.Execution{
		ID: client.NewExecutionID(7, number), ClientOrderID: order, Side: side, Key: chaos.LedgerKey,
		Quantity: 10, Price: 100, Time: time.Unix(int64(number), 0),
	}
}

func busted(x client.Execution) client.Execution {
	x.Busted, x.BustReason = true, "chaos"
	return x
}

// TestLedger compares a ledger with two acknowledged buys and a third order of unknown
// outcome with possible states of a server.
func TestLedger(t *testing.T) {
	first, second, third := execution(1, "7/00000001", client.Buy), execution(2, "7/00000002", client.Buy), execution(3, "7/00000003", client.Sell)
	dearer := second
	dearer.Price++
	cases := []struct {
		name   string
		before func(*chaos.Ledger)
		held   client.Quantity
		has    []client.Execution // newest first
		want   string             // a part; "" for nothing
	}{
		{"as it should be", nil, 120, []client.Execution{second, first}, ""},
		{"the unknown one, too", nil, 110, []client.Execution{third, second, first}, ""},
		{"the last one lost", nil, 110, []client.Execution{first}, "the acknowledged execution 7-2 is lost"},
		{"all lost", nil, 100, nil, "the acknowledged execution 7-1 is lost"},
		{"the first one lost", nil, 110, []client.Execution{second}, "the history ends at 7-2"},
		{"an order twice", nil, 130, []client.Execution{execution(3, "7/00000002", client.Buy), second, first}, "was executed twice"},
		{"another price", nil, 120, []client.Execution{dearer, first}, "7-2 has changed"},
		{"nobody's order", nil, 130, []client.Execution{execution(3, "", client.Buy), second, first}, "which nobody sent"},
		{"an order of later", nil, 130, []client.Execution{execution(3, "7/00000004", client.Buy), second, first}, "which nobody sent"},
		{"positions without executions", nil, 130, []client.Execution{second, first}, "holds 130"},
		{"refused and executed", func(l *chaos.Ledger) { l.Refuse("7/00000003") }, 110, []client.Execution{third, second, first}, "was refused, and executed"},
		{"acknowledged, then refused", func(l *chaos.Ledger) { l.Refuse("7/00000002") }, 120, []client.Execution{second, first}, "was refused although it is execution 7-2"},
		{"busted", func(l *chaos.Ledger) { l.Bust(second.ID, true) }, 110, []client.Execution{busted(second), first}, ""},
		{"busted perhaps, and it was", func(l *chaos.Ledger) { l.Bust(second.ID, false) }, 110, []client.Execution{busted(second), first}, ""},
		{"busted perhaps, and it was not", func(l *chaos.Ledger) { l.Bust(second.ID, false) }, 120, []client.Execution{second, first}, ""},
		{"bust lost", func(l *chaos.Ledger) { l.Bust(second.ID, true) }, 120, []client.Execution{second, first}, "the bust of 7-2 was acknowledged and is lost"},
		{"busted by nobody", nil, 110, []client.Execution{busted(second), first}, "nobody requested"},
		{"bust without effect", func(l *chaos.Ledger) { l.Bust(second.ID, true) }, 120, []client.Execution{busted(second), first}, "holds 120"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l := chaos.NewLedger()
			for _, want := range []string{"7/00000001", "7/00000002", "7/00000003"} {
				if got := l.Order(); got != want {
					t.Fatalf("order %q", got)
				}
			}
			l.Ack(first)
			l.Ack(second)
			if tc.before != nil {
				tc.before(l)
			}
			got := l.Verify(tc.held, tc.has...)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestLedgerTwice: executions found at the first check must still be there at the second.
func TestLedgerTwice(t *testing.T) {
	l := chaos.NewLedger()
	l.Order()
	first := execution(1, "7/00000001", client.Buy)
	l.Ack(first)
	if got := l.Verify(110, first); got != "" {
		t.Fatal(got)
	}
	if got := l.Verify(100); !strings.Contains(got, "7-1 is lost") || !strings.Contains(got, "holds 100") {
		t.Errorf("%q", got)
	}
}
