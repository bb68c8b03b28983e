package chaos_test

import (
	"math"
	"testing"

	"holdfast/perf/chaos"
)

// TestLinear: which answers an account that starts with 100 shares may send.
func TestLinear(t *testing.T) {
	buy := func(call, end int64, order string, execution uint32, held int64) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: order, Quantity: 10, Out: chaos.Answer{Execution: execution, Held: held}}
	}
	read := func(call, end, held int64) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Read: true, Out: chaos.Answer{Held: held}}
	}
	again := func(call, end int64, order string, execution uint32) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: order, Quantity: 10, Out: chaos.Answer{Execution: execution, Duplicate: true}}
	}
	open := func(call int64, order string) chaos.Ask {
		return chaos.Ask{Call: call, Return: math.MaxInt64, Order: order, Quantity: 10, Out: chaos.Answer{Unknown: true}}
	}
	sell := func(call, end, quantity int64, refused bool) chaos.Ask {
		return chaos.Ask{Call: call, Return: end, Order: "s", Sell: true, Quantity: quantity, Out: chaos.Answer{Refused: refused, Execution: 1, Held: 100 - quantity}}
	}
	cases := []struct {
		name     string
		asks     []chaos.Ask
		executed map[string]uint32
		want     bool
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
		{"no answer, executed", []chaos.Ask{open(0, "a"), read(2, 3, 110)}, map[string]uint32{"a": 1}, true},
		{"no answer, executed later", []chaos.Ask{open(0, "a"), read(2, 3, 100), read(4, 5, 110)}, map[string]uint32{"a": 1}, true},
		{"no answer, gone", []chaos.Ask{open(0, "a"), read(2, 3, 100)}, nil, true},
		{"no answer, seen, then gone", []chaos.Ask{open(0, "a"), read(2, 3, 110), read(4, 5, 100)}, nil, false},
		{"no answer, asked again", []chaos.Ask{open(0, "a"), again(2, 3, "a", 1), read(4, 5, 110)}, map[string]uint32{"a": 1}, true},
		{"no answer twice, then two effects", []chaos.Ask{open(0, "a"), open(2, "a"), read(4, 5, 120)}, map[string]uint32{"a": 1}, false},
		{"before it was asked for", []chaos.Ask{read(0, 1, 110), open(2, "a")}, map[string]uint32{"a": 1}, false},
		{"refused for want of shares", []chaos.Ask{sell(0, 1, 101, true)}, nil, true},
		{"refused with enough shares", []chaos.Ask{sell(0, 1, 100, true)}, nil, false},
		{"sold without shares", []chaos.Ask{sell(0, 1, 101, false)}, nil, false},
		{"sold", []chaos.Ask{sell(0, 1, 100, false), read(2, 3, 0)}, nil, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := chaos.IsLinear(tc.asks, tc.executed); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
