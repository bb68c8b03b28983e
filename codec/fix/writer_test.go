package fix_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/codec/fix"
)

// BodyLength has as many digits as it needs.
func TestWriterLength(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 93, 94, 100, 993, 994, 1000, 9992, 9993, 9994, 99_992, 99_993, 99_994} {
		text := strings.Repeat("x", n)
		w := fix.Begin([]byte("before"), "0")
		if n > 0 {
			w.Text(1, text)
		}
		want := message("35=0")
		if n > 0 {
			want = message("35=0", "1="+text)
		}
		if got := w.End(); string(got) != "before"+string(want) {
			t.Errorf("%d: %.40q … %.40q, want %.40q", n, got, got[len(got)-20:], want)
		}
	}
}

// CheckSum is the sum of all bytes, however many and large they are.
func TestWriterChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 5000 {
		v := bytes.Repeat([]byte{0xff}, n)
		if n%2 == 0 {
			for i := range v {
				v[i] = byte(2 + r.IntN(254))
			}
		}
		w := fix.Begin(nil, "0")
		w.Bytes(112, v)
		if got, want := w.End(), message("35=0", "112="+string(v)); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %q, want %q", n, got[len(got)-10:], want[len(want)-10:])
		}
	}
}

func TestWriterFields(t *testing.T) {
	w := fix.Begin(nil, "8")
	w.Text(58, "text")
	w.Bytes(11, []byte("bytes"))
	w.Char(54, '1')
	w.Int(34, -17)
	w.Decimal(44, 12_3400, 4)
	w.Time(60, 1_790_000_000_123_456_789)
	got := text(parse(t, w.End()))
	if want := "8=FIX.4.4|9=68|35=8|58=text|11=bytes|54=1|34=-17|44=12.34|60=20260921-14:13:20.123|10="; !strings.HasPrefix(got, want) {
		t.Fatalf("%s, want %s", got, want)
	}
}

func TestWriterDecimal(t *testing.T) {
	tests := []struct {
		n      int64
		places int
		want   string
	}{
		{0, 0, "0"}, {0, 4, "0"}, {1, 4, "0.0001"}, {10, 4, "0.001"}, {10_000, 4, "1"}, {10_001, 4, "1.0001"}, {123, 0, "123"},
		{-1, 4, "-0.0001"}, {-10_000, 4, "-1"}, {math.MaxInt64, 0, "9223372036854775807"}, {math.MinInt64, 0, "-9223372036854775808"},
		{math.MaxInt64, 18, "9.223372036854775807"}, {math.MinInt64, 4, "-922337203685477.5808"}, {100, 2, "1"}, {105, 2, "1.05"}, {150, 2, "1.5"},
	}
	for _, tt := range tests {
		w := fix.Begin(nil, "0")
		w.Decimal(44, tt.n, tt.places)
		if got, _ := parse(t, w.End()).Get(44); string(got) != tt.want {
			t.Errorf("%d, %d places: %s, want %s", tt.n, tt.places, got, tt.want)
		}
	}
}

// What Writer writes, Parse reads, and Decimal reads what Writer.Decimal writes.
func TestWriterRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := fix.Begin(nil, rapid.StringMatching(`[A-Za-z0-9]{1,2}`).Draw(t, "type"))
		values := rapid.SliceOf(rapid.StringMatching(`[^\x01]{0,300}`)).Draw(t, "values")
		var want bytes.Buffer
		for i, v := range values {
			w.Text(1000+i, v)
			fmt.Fprintf(&want, "%d=%s\x01", 1000+i, v)
		}
		n, places := rapid.Int64Min(math.MinInt64+1).Draw(t, "n"), rapid.IntRange(0, 18).Draw(t, "places")
		w.Decimal(44, n, places)
		frame := w.End()
		var m fix.Message
		if err := m.Parse(frame); err != nil {
			t.Fatalf("%q: %v", frame, err)
		}
		var got bytes.Buffer
		for _, f := range m.Fields[3 : len(m.Fields)-2] {
			fmt.Fprintf(&got, "%d=%s\x01", f.Tag, f.Value)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("%q, want %q", got.Bytes(), want.Bytes())
		}
		v, _ := m.Get(44)
		if again, ok := fix.Decimal(v, places); !ok || again != n {
			t.Fatalf("%d with %d places is %s, read as %d, %v", n, places, v, again, ok)
		}
	})
}

func TestWriterAllocates(t *testing.T) {
	dst := appendReport(nil)
	if n := testing.AllocsPerRun(100, func() { dst = appendReport(dst[:0]) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if r := fix.NewDictionary().Check(parse(t, dst)); r != nil {
		t.Fatalf("%d: %v", r.RefTag, r.Reason)
	}
}

func TestDecimal(t *testing.T) {
	tests := []struct {
		v      string
		places int
		want   int64
		ok     bool
	}{
		{"0", 4, 0, true}, {"-0", 4, 0, true}, {"1", 0, 1, true}, {"1", 4, 10_000, true}, {"1.", 4, 10_000, true}, {".5", 1, 5, true}, {"-.5", 1, -5, true},
		{"002000.00", 0, 2000, true}, {"12.34", 4, 123_400, true}, {"12.340000000000000000000000", 4, 123_400, true}, {"-12.34", 2, -1234, true},
		{"00000000000000000000000001", 0, 1, true}, {"9223372036854775807", 0, math.MaxInt64, true}, {"-9223372036854775807", 0, -math.MaxInt64, true},
		{"0.00000000000000000000", 4, 0, true}, {"0", 100, 0, true},
		{"9223372036854775808", 0, 0, false}, {"922337203685478", 4, 0, false}, {"12.345", 2, 0, false}, {"1.1", 0, 0, false},
		{"", 4, 0, false}, {"-", 4, 0, false}, {".", 4, 0, false}, {"-.", 4, 0, false}, {"+1", 4, 0, false}, {"1e3", 4, 0, false}, {"1,5", 4, 0, false},
		{"1.2.3", 4, 0, false}, {"--1", 4, 0, false}, {" 1", 4, 0, false}, {"1 ", 4, 0, false}, {"0x1", 4, 0, false}, {"NaN", 4, 0, false},
	}
	for _, tt := range tests {
		if got, ok := fix.Decimal([]byte(tt.v), tt.places); got != tt.want || ok != tt.ok {
			t.Errorf("Decimal(%q, %d) is %d, %v; want %d, %v", tt.v, tt.places, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzDecimal compares with exact arithmetic.
func FuzzDecimal(f *testing.F) {
	for _, v := range []string{"12.34", "-0.0001", "9223372036854775808", "+1", "1e5", "1_0", "1/2", "."} {
		f.Add(v, uint8(4))
	}
	f.Fuzz(func(t *testing.T, v string, places uint8) {
		if places > 30 {
			return
		}
		got, ok := fix.Decimal([]byte(v), int(places))
		want, exact := new(big.Rat).SetString(v)
		if strings.ContainsAny(v, "+eEpPxXoObB_/ ") || !exact {
			if ok {
				t.Fatalf("accepted %q as %d", v, got)
			}
			return
		}
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
		fits := want.IsInt() && want.Num().IsInt64() && want.Num().Int64() != math.MinInt64
		if ok != fits || ok && got != want.Num().Int64() {
			t.Fatalf("%q with %d places is %d, %v; want %v", v, places, got, ok, want)
		}
	})
}
