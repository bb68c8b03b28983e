package ledger_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"holdfast/biz/ledger"
)

// sample returns events with the smallest and the largest possible fields.
func samples(t testing.TB) []ledger.Event {
	t.Helper()
	a := open(t, 10_000)
	o := buy(10, 10)
	o.ClientOrderID = named(t, "a-1")
	fill := place(t, a, o)
	plain := place(t, a, sell(3, 30))
	large := ledger.Event{
		Number: math.MaxUint64, Time: math.MinInt64, Kind: ledger.KindBust, Change: ledger.Decreased, Rows: math.MaxUint32,
		Execution: ledger.Execution{
			ID: math.MaxUint64, Order: math.MaxUint64, Time: -1, Quantity: math.MaxInt64, Price: math.MaxInt64,
			Cost: math.MaxInt64, Instrument: math.MaxUint32, Side: ledger.Sell,
			ClientOrderID: named(t, strings.Repeat("z", ledger.ClientOrderIDSize)),
		},
		Position: ledger.Position{Instrument: math.MaxUint32, Quantity: math.MaxInt64, Cost: math.MaxInt64, Realised: math.MinInt64},
	}
	return []ledger.Event{fill, plain, bust(t, a, plain.Execution), large}
}

func reasonOf(e *ledger.Event) string {
	if e.Kind == ledger.KindBust {
		return strings.Repeat("r", ledger.MaxReason)
	}
	return ""
}

func TestEventRoundTrip(t *testing.T) {
	for _, e := range samples(t) {
		b := ledger.AppendEvent([]byte("front"), &e, reasonOf(&e))[len("front"):]
		if len(b) > ledger.MaxEventSize {
			t.Errorf("%d bytes", len(b))
		}
		have, reason, used, err := ledger.DecodeEvent(append(b, "behind"...))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "event", have, e)
		equal(t, "reason", reason, reasonOf(&e))
		equal(t, "used", used, len(b))
	}
}

// The bytes of version 1 must never change: journals have them.
func TestEventBytes(t *testing.T) {
	want := []string{
		"11" + "a18d06" + "01" + "01" + "01" + "0000000000000001" + "11" + "07" + "0a" + "0a" + "00" + "0a" + "64" + "00" + "01" + "03" + "612d31",
		"11" + "a18d06" + "02" + "02" + "02" + "0000000000000001" + "42" + "07" + "03" + "1e" + "1e" + "07" + "46" + "78" + "01" + "00",
		"12" + "a18d06" + "03" + "02" + "02" + "0000000000000002" + "0000000000000001" + "32" + "07" + "03" + "1e" + "1e" + "0a" + "64" + "00" + "01" + "00" + "0474657374",
	}
	for i, e := range samples(t)[:3] {
		if have := hex.EncodeToString(ledger.AppendEvent(nil, &e, "test")); have != want[i] {
			t.Errorf("event %d:\nhave %s\nwant %s", i+1, have, want[i])
		}
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	e := samples(t)[2]
	good := ledger.AppendEvent(nil, &e, "test")
	for n := range good {
		if _, _, _, err := ledger.DecodeEvent(good[:n]); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	put := func(at int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	insert := func(at int, instead int, b ...byte) []byte {
		return slices.Concat(good[:at], b, good[at+instead:])
	}
	negative := e
	negative.Execution.Quantity = -1
	cases := []struct {
		name string
		b    []byte
		want error
	}{
		{"event number longer than needed", insert(4, 1, 0x83, 0x00), ledger.ErrMalformed},
		{"instrument over 32 bits", insert(24, 1, 0x80, 0x80, 0x80, 0x80, 0x10), ledger.ErrMalformed},
		{"quantity over 63 bits", ledger.AppendEvent(nil, &negative, "test"), ledger.ErrMalformed},
		{"version 0", put(0, 0x02), ledger.ErrVersion},
		{"version 2", put(0, 0x22), ledger.ErrVersion},
		{"kind 0", put(0, 0x10), ledger.ErrMalformed},
		{"kind 3", put(0, 0x13), ledger.ErrMalformed},
		{"customer over 32 bits", put(1, 0xff, 0xff, 0xff, 0xff, 0x7f), ledger.ErrMalformed},
		{"side 0", put(23, 0x30), ledger.ErrMalformed},
		{"side 3", put(23, 0x33), ledger.ErrMalformed},
		{"change 0", put(23, 0x02), ledger.ErrMalformed},
		{"change 5", put(23, 0x52), ledger.ErrMalformed},
		{"reason not UTF-8", put(len(good)-1, 0xff), ledger.ErrMalformed},
		{"reason too long", append(put(len(good)-5, 121), make([]byte, 121)...), ledger.ErrMalformed},
		{"client order id too long", append(put(len(good)-6, 37), make([]byte, 99)...), ledger.ErrMalformed},
		{"client order id with NUL", put(len(good)-6, 1, 0), ledger.ErrMalformed},
	}
	for _, c := range cases {
		if have, reason, used, err := ledger.DecodeEvent(c.b); !errors.Is(err, c.want) || used != 0 || reason != "" || have != (ledger.Event{}) {
			t.Errorf("%s: used %d, %v", c.name, used, err)
		}
	}
}

func TestEventHasNoPointersAndIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(ledger.Event{}); size > 160 {
		t.Errorf("%d bytes", size)
	}
	var walk func(reflect.Type)
	walk = func(v reflect.Type) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i).Type)
			}
		case reflect.Array:
			walk(v.Elem())
		case reflect.Pointer, reflect.Slice, reflect.String, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
			t.Errorf("%s has a pointer", v)
		}
	}
	walk(reflect.TypeFor[ledger.Event]())
}

func FuzzDecodeEvent(f *testing.F) {
	for _, e := range samples(f) {
		f.Add(ledger.AppendEvent(nil, &e, reasonOf(&e)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, reason, used, err := ledger.DecodeEvent(b)
		if err != nil {
			if used != 0 || e != (ledger.Event{}) {
				t.Fatal("an error and an event")
			}
			return
		}
		if !bytes.Equal(ledger.AppendEvent(nil, &e, reason), b[:used]) {
			t.Fatal("decodes from two forms")
		}
		a := open(t, 10_000)
		if _, err := a.Replay(&e, reason); err == nil && e.Customer() == customer && e.Number == 1 {
			if constant(a) != 10_000 {
				t.Fatal("replay breaks the invariant")
			}
		}
	})
}
