package chaos_test

import (
	"math"
	"testing"

	"holdfast/perf/chaos"
)

// TestLinear: which answers an account that starts with 100 shares may send.
func TestLinear(t *testing.T) {
	buy := func(call, end int64, order string, execution uint32, held int64) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: order, Quantity: 10, Out: chaos.Answer{Order: execution, Execution: execution, Held: held}}
	}
	read := func(call, end, held int64) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: chaos.Read, Out: chaos.Answer{Held: held}}
	}
	again := func(call, end int64, order string, execution uint32) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: order, Quantity: 10, Out: chaos.Answer{Order: execution, Execution: execution, Duplicate: true}}
	}
	open := func(call int64, order string) chaos.Ask {
		return chaos.Ask{Call: call, Return: math.MaxInt64, Order: order, Quantity: 10, Out: chaos.Answer{Unknown: true}}
	}
	sell := func(call, end, quantity int64, refused bool) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: "s", Sell: true, Quantity: quantity, Out: chaos.Answer{Refused: refused, Order: 1, Execution: 1, Held: 100 - quantity}}
	}
	once := func(execution uint32) map[string]chaos.End {
		return map[string]chaos.End{"a": {Order: execution, Execution: execution}}
	}
	cases := []struct {
		name  string
		asks  []chaos.Ask
		final map[string]chaos.End
		want  bool
	}{
		{"one after the other", []chaos.Ask{buy(0, 1, "a", 1, 110), read(2, 3, 110), buy(4, 5, "b", 2, 120)}, nil, true},
		{"at once, the later first", []chaos.Ask{buy(0, 5, "a", 2, 120), buy(1, 4, "b", 1, 110)}, nil, true},
		{"an old read", []chaos.Ask{buy(0, 1, "a", 1, 110), read(2, 3, 100)}, nil, false},
		{"an old read beside the order", []chaos.Ask{buy(0, 3, "a", 1, 110), read(1, 2, 100)}, nil, true},
		{"a read that is taken back", []chaos.Ask{buy(0, 9, "a", 1, 110), read(1, 2, 110), read(3, 4, 100)}, nil, false},
		{"an acknowledged order is lost", []chaos.Ask{buy(0, 1, "a", 1, 110), buy(2, 3, "b", 1, 110)}, nil, false},
		{"an order twice", []chaos.Ask{buy(0, 1, "a", 1, 110), buy(2, 3, "a", 2, 120)}, nil, false},
		{"an order again", []chaos.Ask{buy(0, 1, "a", 1, 110), again(2, 3, "a", 1), read(4, 5, 110)}, nil, true},
		{"again, another execution", []chaos.Ask{buy(0, 1, "a", 1, 110), again(2, 3, "a", 2)}, nil, false},
		{"two effects", []chaos.Ask{buy(0, 1, "a", 1, 110), read(2, 3, 120)}, nil, false},
		{"no answer, executed", []chaos.Ask{open(0, "a"), read(2, 3, 110)}, once(1), true},
		{"no answer, executed later", []chaos.Ask{open(0, "a"), read(2, 3, 100), read(4, 5, 110)}, once(1), true},
		{"no answer, gone", []chaos.Ask{open(0, "a"), read(2, 3, 100)}, nil, true},
		{"no answer, seen, then gone", []chaos.Ask{open(0, "a"), read(2, 3, 110), read(4, 5, 100)}, nil, false},
		{"no answer, asked again", []chaos.Ask{open(0, "a"), again(2, 3, "a", 1), read(4, 5, 110)}, once(1), true},
		{"no answer twice, then two effects", []chaos.Ask{open(0, "a"), open(2, "a"), read(4, 5, 120)}, once(1), false},
		{"before it was asked for", []chaos.Ask{read(0, 1, 110), open(2, "a")}, once(1), false},
		{"refused for want of shares", []chaos.Ask{sell(0, 1, 101, true)}, nil, true},
		{"refused with enough shares", []chaos.Ask{sell(0, 1, 100, true)}, nil, false},
		{"sold without shares", []chaos.Ask{sell(0, 1, 101, false)}, nil, false},
		{"sold", []chaos.Ask{sell(0, 1, 100, false), read(2, 3, 0)}, nil, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := chaos.IsLinear(tc.asks, tc.final); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestLinearResting: which answers an account that starts with 100 shares may send to orders
// that rest.
func TestLinearResting(t *testing.T) {
	const forever = math.MaxInt64
	sell := func(call, end, quantity int64, order uint32) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: chaos.Rest, Order: "r", Sell: true, Quantity: quantity, Out: chaos.Answer{Order: order}}
	}
	ask := func(kind chaos.Kind, call, end, quantity int64, out chaos.Answer) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: kind, Order: "r", Quantity: quantity, Target: 1, Out: out}
	}
	read := func(call, end, frozen int64, working int) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: chaos.Read, Out: chaos.Answer{Held: 100, Frozen: frozen, Working: working}}
	}
	market := func(call, end int64, refused bool) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: "m", Sell: true, Quantity: 70, Out: chaos.Answer{Refused: refused, Order: 2, Execution: 1, Held: 30}}
	}
	ok, late, refused, open := chaos.Answer{}, chaos.Answer{Late: true}, chaos.Answer{Refused: true}, chaos.Answer{Unknown: true}
	cancelled := map[string]chaos.End{"r": {Order: 1, Cancelled: true, Quantity: 60}}
	replaced := map[string]chaos.End{"r": {Order: 1, Quantity: 80}}
	rests := map[string]chaos.End{"r": {Order: 1, Quantity: 60}}
	cases := []struct {
		name  string
		asks  []chaos.Ask
		final map[string]chaos.End
		want  bool
	}{
		{"rests", []chaos.Ask{sell(0, 1, 60, 1), read(2, 3, 60, 1)}, nil, true},
		{"lost", []chaos.Ask{sell(0, 1, 60, 1), read(2, 3, 0, 0)}, nil, false},
		{"freezes nothing", []chaos.Ask{sell(0, 1, 60, 1), read(2, 3, 0, 1)}, nil, false},
		{"rests twice", []chaos.Ask{sell(0, 1, 60, 1), read(2, 3, 60, 2)}, nil, false},
		{"too much to freeze", []chaos.Ask{sell(0, 1, 101, 1)}, nil, false},
		{"frozen shares sold", []chaos.Ask{sell(0, 1, 60, 1), market(2, 3, false)}, nil, false},
		{"frozen shares not sold", []chaos.Ask{sell(0, 1, 60, 1), market(2, 3, true)}, nil, true},
		{"cancelled", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, 3, 0, ok), read(4, 5, 0, 0), market(6, 7, false)}, nil, true},
		{"cancel lost", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, 3, 0, ok), read(4, 5, 60, 1)}, nil, false},
		{"cancelled twice", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, 3, 0, ok), ask(chaos.Cancel, 4, 5, 0, ok)}, nil, false},
		{"cancelled, then too late", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, 3, 0, ok), ask(chaos.Cancel, 4, 5, 0, late)}, nil, true},
		{"too late for an order that works", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, 3, 0, late)}, nil, false},
		{"cancel without an answer, done", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, forever, 0, open), read(4, 5, 0, 0)}, cancelled, true},
		{"cancel without an answer, not done", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, forever, 0, open), read(4, 5, 60, 1)}, rests, true},
		{"cancel without an answer, seen, then gone", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, forever, 0, open), read(4, 5, 0, 0), read(6, 7, 60, 1)}, cancelled, false},
		{"cancel without an answer, sent again", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Cancel, 2, forever, 0, open), read(4, 5, 60, 1), ask(chaos.Cancel, 6, 7, 0, ok)}, cancelled, true},
		{"replaced", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, 3, 80, ok), read(4, 5, 80, 1)}, nil, true},
		{"replacement lost", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, 3, 80, ok), read(4, 5, 60, 1)}, nil, false},
		{"replaced by too much", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, 3, 101, ok)}, nil, false},
		{"replacement refused", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, 3, 101, refused), read(4, 5, 60, 1)}, nil, true},
		{"replacement refused with enough shares", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, 3, 100, refused)}, nil, false},
		{"replacement without an answer, done", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, forever, 80, open), read(4, 5, 80, 1)}, replaced, true},
		{"replacement without an answer, not done", []chaos.Ask{sell(0, 1, 60, 1), ask(chaos.Replace, 2, forever, 80, open), read(4, 5, 80, 1)}, rests, false},
		{"order without an answer, done", []chaos.Ask{
			{Call: 0, Return: forever, Kind: chaos.Rest, Order: "r", Sell: true, Quantity: 60, Out: open}, read(4, 5, 60, 1),
		}, rests, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := chaos.IsLinear(tc.asks, tc.final); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestLinearResent: which answers are right if the server may send a request again itself.
func TestLinearResent(t *testing.T) {
	const forever = math.MaxInt64
	buy := func(call, end int64, order string, number uint32, held int64, out chaos.Answer) chaos.Ask {
		out.Order, out.Execution, out.Held = number, number, held
		return chaos.Ask{Call: call, Return: end, Order: order, Quantity: 10, Resends: true, Out: out}
	}
	rest := chaos.Ask{Call: 0, Return: 1, Kind: chaos.Rest, Order: "r", Sell: true, Quantity: 60, Resends: true, Out: chaos.Answer{Order: 1}}
	cancel := func(call, end int64, out chaos.Answer) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: chaos.Cancel, Order: "r", Target: 1, Resends: true, Out: out}
	}
	read := func(call, end, frozen int64, working int) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Kind: chaos.Read, Out: chaos.Answer{Held: 100, Frozen: frozen, Working: working}}
	}
	ok, open := chaos.Answer{}, chaos.Answer{Unknown: true}
	once := map[string]chaos.End{"a": {Order: 1, Execution: 1}}
	cancelled := map[string]chaos.End{"r": {Order: 1, Cancelled: true, Quantity: 60}}
	cases := []struct {
		name  string
		asks  []chaos.Ask
		final map[string]chaos.End
		want  bool
	}{
		{"again, and not said to be", []chaos.Ask{buy(0, 1, "a", 1, 110, ok), buy(2, 3, "a", 1, 110, ok)}, nil, true},
		{"again, with two effects", []chaos.Ask{buy(0, 1, "a", 1, 110, ok), buy(2, 3, "a", 2, 120, ok)}, nil, false},
		{"no answer, again", []chaos.Ask{buy(0, forever, "a", 0, 0, open), buy(2, 3, "a", 1, 110, ok)}, once, true},
		{"cancelled twice", []chaos.Ask{rest, cancel(2, 3, ok), cancel(4, 5, ok)}, cancelled, false},
		{"cancel without an answer, seen, again", []chaos.Ask{rest, cancel(2, forever, open), read(4, 5, 0, 0), cancel(6, 7, ok)}, cancelled, true},
		{"cancel without an answer, again", []chaos.Ask{rest, cancel(2, forever, open), read(4, 5, 60, 1), cancel(6, 7, ok), read(8, 9, 0, 0)}, cancelled, true},
		{"cancel without an answer, again, lost", []chaos.Ask{rest, cancel(2, forever, open), cancel(6, 7, ok), read(8, 9, 60, 1)}, cancelled, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := chaos.IsLinear(tc.asks, tc.final); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
