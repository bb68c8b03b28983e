package ledger_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/ledger"
)

// samples returns events of all kinds.
func samples(t testing.TB) []ledger.Event {
	t.Helper()
	a := open(t, 10_000)
	fees := &ledger.Fees{Commission: 1_000_000, Minimum: 3, InCost: true}
	bought := buy(10, 10).named(t, "a-1")
	bought.Terms.Fees, bought.Terms.SharesFrom = fees, 1
	events := []ledger.Event{place(t, a, bought), place(t, a, sell(3, 30))}
	o := limit(ledger.Buy, 5, 20)
	o.ClientOrderID, o.Terms.Fees = named(t, "b"), fees
	events = append(events, submit(t, a, o, ledger.Offer{Quantity: 2, Price: 19})...)
	partly := events[len(events)-1].Order.ID
	stop := limit(ledger.Sell, 2, 5)
	stop.Type, stop.Stop, stop.TimeInForce, stop.Expires, stop.Held = ledger.StopLimit, 6, ledger.GoodTillDate, 77, true
	waits := rest(t, a, stop)
	events = append(events, a.Recent(nil)[0])
	r := ledger.Replacement{Order: partly, ClientOrderID: named(t, "c"), Quantity: 6, Price: 21, TimeInForce: ledger.Day, Terms: o.Terms}
	events = append(events, must(t)(a.Replace(nil, &r, nil))...)
	events = append(events, must(t)(a.Trigger(nil, waits.ID, nil, &o.Terms))...)
	events = append(events, must(t)(a.Expire(nil, waits.ID, 78))...)
	c := ledger.Correction{Execution: events[1].Execution.ID, Quantity: 2, Price: 31, Reason: "typo", Past: pastOf(a, tin), Terms: o.Terms}
	events = append(events, must(t)(a.Correct(nil, &c))...)
	events = append(events, bust(t, a, events[2].Execution))
	events = append(events, must(t)(a.Cancel(nil, partly, ledger.ByOperator, 79))...)
	events = append(events, must(t)(a.Deposit(nil, 5, "gift", 80))...)
	events = append(events, must(t)(a.Withdraw(nil, 4, "", 81))...)
	return append(events, must(t)(a.Reset(nil, "new", 82))...)
}

// large returns events with the largest possible fields.
func large(t testing.TB) (events []ledger.Event) {
	t.Helper()
	o := ledger.Order{
		ID: math.MaxUint64, ClientOrderID: named(t, strings.Repeat("z", ledger.ClientOrderIDSize)), Instrument: math.MaxUint32,
		Side: ledger.Sell, Type: ledger.StopLimit, TimeInForce: ledger.FillOrKill, Status: ledger.Expired, Triggered: true, Held: true,
		Quantity: math.MaxInt64, Filled: math.MaxInt64, FilledValue: math.MaxInt64, Price: math.MaxInt64, Stop: math.MaxInt64,
		Frozen: math.MaxInt64, Time: math.MinInt64, Expires: math.MinInt64, Priority: math.MaxUint64,
	}
	x := ledger.Execution{
		ID: math.MaxUint64, Order: o.ID, Time: -1, Quantity: math.MaxInt64, Price: math.MaxInt64, Cost: math.MaxInt64, Fee: math.MaxInt64,
		Settlement: math.MinInt64, Corrects: math.MaxUint32, Place: math.MaxUint32, Instrument: o.Instrument, ClientOrderID: o.ClientOrderID,
		Side: o.Side, FeeInCost: true,
	}
	all := ledger.Event{
		Number: math.MaxUint64, Push: math.MaxUint64, Time: math.MinInt64, Order: o, Execution: x, Cause: ledger.ByLimits,
		Position: ledger.Position{Instrument: o.Instrument, Quantity: math.MaxInt64, Cost: math.MaxInt64, Realised: math.MinInt64},
		Amount:   math.MinInt64, FeeChange: math.MinInt64, QuantityChange: math.MinInt64, Text: strings.Repeat("r", ledger.MaxReason),
		Rows: math.MaxUint32, Kind: ledger.KindCorrect, Change: ledger.Repriced, More: true, Named: true,
	}
	cash := ledger.Event{
		Number: math.MaxUint64, Push: math.MaxUint64, Time: math.MinInt64, Order: ledger.Order{ID: ledger.NewOrderID(math.MaxUint32, 0)},
		Amount: math.MinInt64, Text: all.Text, Rows: math.MaxUint32, Kind: ledger.KindReset, More: true,
	}
	return []ledger.Event{all, cash}
}

func TestEventRoundTrip(t *testing.T) {
	kinds := make(map[ledger.Kind]bool)
	for _, e := range slices.Concat(samples(t), large(t), early(t)) {
		kinds[e.Kind] = true
		b := ledger.AppendEvent([]byte("front"), &e)[len("front"):]
		if len(b) > ledger.MaxEventSize {
			t.Errorf("%d bytes", len(b))
		}
		have, used, err := ledger.DecodeEvent(append(b, "behind"...))
		if err != nil {
			t.Fatalf("kind %d: %v", e.Kind, err)
		}
		equal(t, "event", have, e)
		equal(t, "used", used, len(b))
	}
	equal(t, "kinds", len(kinds), int(ledger.KindReset))
}

// The bytes of version 2 must never change: journals have them.
func TestEventBytes(t *testing.T) {
	events := samples(t)
	if len(events) != len(goldenEvents) {
		t.Errorf("%d events, want %d", len(events), len(goldenEvents))
	}
	for i, e := range events {
		have := hex.EncodeToString(ledger.AppendEvent(nil, &e))
		if i >= len(goldenEvents) || have != goldenEvents[i] {
			t.Errorf("event %d, kind %d:\nhave %s", i+1, e.Kind, have)
		}
	}
}

// A market order that is executed at once takes few bytes.
func TestSimpleEventIsSmall(t *testing.T) {
	d := buy(1, ten).named(t, "benchmark-abcdefgh")
	d.Terms.Time = 1_700_000_000_000_000_000
	e := place(t, open(t, 100*coin), d)
	if n := len(ledger.AppendEvent(nil, &e)); n > 60 {
		t.Errorf("%d bytes", n)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	for _, e := range slices.Concat(samples(t), early(t)) {
		good := ledger.AppendEvent(nil, &e)
		for n := range good {
			if _, _, err := ledger.DecodeEvent(good[:n]); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("kind %d cut to %d bytes: %v", e.Kind, n, err)
			}
		}
	}
	// version and kind, flags, customer, event, push, time, order, client order id, side, instrument
	good := unhex(t, "21"+"82"+"a18d06"+"01"+"01"+"0000000000000001"+"01"+"0161"+"11"+"07"+
		"01"+"0a"+"0a"+"00"+"00"+ // execution
		"0a"+"64"+"00"+"01") // position
	if _, used, err := ledger.DecodeEvent(good); err != nil || used != len(good) {
		t.Fatal(used, err)
	}
	put := func(at int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	insert := func(at int, instead int, b ...byte) []byte {
		return slices.Concat(good[:at], b, good[at+instead:])
	}
	cases := []struct {
		name string
		b    []byte
		want error
	}{
		{"event number longer than needed", insert(5, 1, 0x81, 0x00), ledger.ErrMalformed},
		{"instrument over 32 bits", insert(19, 1, 0x80, 0x80, 0x80, 0x80, 0x10), ledger.ErrMalformed},
		{"quantity over 63 bits", insert(21, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), ledger.ErrMalformed},
		{"quantity over 64 bits", insert(21, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02), ledger.ErrMalformed},
		{"version 0", put(0, 0x01), ledger.ErrVersion},
		{"version 3", put(0, 0x31), ledger.ErrVersion},
		{"kind 0", put(0, 0x20), ledger.ErrMalformed},
		{"kind 12", put(0, 0x2c), ledger.ErrMalformed},
		{"a simple bust", put(0, 0x22), ledger.ErrMalformed},
		{"settlement without one", put(1, 0x8a), ledger.ErrMalformed},
		{"expires without one", put(1, 0xc2), ledger.ErrMalformed},
		{"not simple, but cut", put(1, 0x80), ledger.ErrMalformed},
		{"customer over 32 bits", put(2, 0xff, 0xff, 0xff, 0xff, 0x7f), ledger.ErrMalformed},
		{"side 0", put(18, 0x10), ledger.ErrMalformed},
		{"side 3", put(18, 0x13), ledger.ErrMalformed},
		{"change 0", put(18, 0x01), ledger.ErrMalformed},
		{"change 6", put(18, 0x61), ledger.ErrMalformed},
		{"client order id too long", append(put(16, 37), make([]byte, 99)...), ledger.ErrMalformed},
		{"client order id with NUL", put(17, 0), ledger.ErrMalformed},
		{"client order id not UTF-8", put(17, 0xff), ledger.ErrMalformed},
	}
	for _, c := range cases {
		if have, used, err := ledger.DecodeEvent(c.b); !errors.Is(err, c.want) || used != 0 || have != (ledger.Event{}) {
			t.Errorf("%s: used %d, %v", c.name, used, err)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range slices.Concat(samples(f), large(f), early(f)) {
		f.Add(ledger.AppendEvent(nil, &e))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, used, err := ledger.DecodeEvent(b)
		if err != nil {
			if used != 0 || e != (ledger.Event{}) {
				t.Fatal("an error and an event")
			}
			return
		}
		if !bytes.Equal(ledger.AppendEvent(nil, &e), b[:used]) {
			t.Fatal("decodes from two forms")
		}
		a := open(t, 10_000)
		if applied, err := a.Replay(&e); err == nil && applied {
			if constant(a) != 10_000 && e.Kind != ledger.KindReset {
				t.Fatal("replay breaks the invariant")
			}
			restart(t, a)
		}
	})
}
