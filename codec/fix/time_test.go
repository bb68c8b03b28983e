package fix_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/codec/fix"
)

const layout = "20060102-15:04:05.000"

// The times are those of package time.
func TestTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	end := time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	for i := range 20_000 {
		nanos := r.Int64N(end)
		if i < 90_000/5 { // the first days of each year and month, and others
			nanos = int64(i) * 5 * 86_400e9
		}
		at := time.Unix(0, nanos).UTC()
		if got, want := string(fix.AppendTime([]byte("x"), nanos)), "x"+at.Format(layout); got != want {
			t.Fatalf("AppendTime: %s, want %s", got, want)
		}
		if got, want := string(fix.AppendDate(nil, nanos)), at.Format("20060102"); got != want {
			t.Fatalf("AppendDate: %s, want %s", got, want)
		}
		for _, l := range []string{"20060102-15:04:05", layout, layout + "000", layout + "000000"} {
			text := at.Format(l)
			want, err := time.Parse(l, text)
			if got, ok := fix.ParseTime([]byte(text)); err != nil || !ok || got != want.UnixNano() {
				t.Fatalf("ParseTime(%s): %d, %v; want %d", text, got, ok, want.UnixNano())
			}
		}
	}
}

func TestParseTimeLeapSecond(t *testing.T) {
	want := time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	if got, ok := fix.ParseTime([]byte("20161231-23:59:60")); !ok || got != want {
		t.Fatalf("%d, %v; want %d", got, ok, want)
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for _, v := range []string{
		"", "20261127", "20261127-10:00", "2026112710:00:00", "20261127-10:00:00.", "20261127-10:00:00.1", "20261127-10:00:00.12", "20261127-10:00:00.1234",
		"20261127-10:00:00.1234567890", "20261127-10:00:00.123456789012", "20261127-10:00:00,123", "20261127-24:00:00", "20261127-10:60:00", "20261127-10:00:61",
		"20261327-10:00:00", "20260027-10:00:00", "20261100-10:00:00", "20261131-10:00:00", "20230229-10:00:00", "21000229-10:00:00",
		"19691231-23:59:59", "22620101-00:00:00", "2026112x-10:00:00", "20261127-1x:00:00", "20261127-10:0x:00", "20261127-10:00:0x", "20261127-10:00:00.12x",
		"20261127T10:00:00", "20261127-10-00:00", "-0261127-10:00:00", "+0261127-10:00:00", "20261127-+1:00:00",
	} {
		if got, ok := fix.ParseTime([]byte(v)); ok {
			t.Errorf("%q accepted as %d", v, got)
		}
	}
}

// FuzzTime: what ParseTime accepts, package time reads the same.
func FuzzTime(f *testing.F) {
	for _, v := range []string{"20261127-10:00:00", "20240229-23:59:60.123", "99991231-00:00:00.123456789", "20261127-10:00:00.1"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		got, ok := fix.ParseTime([]byte(v))
		if !ok {
			return
		}
		text, leap := v, int64(0)
		if v[15:17] == "60" {
			text, leap = v[:15]+"59"+v[17:], 1e9
		}
		want, err := time.Parse("20060102-15:04:05", text)
		if err != nil || want.UnixNano()+leap != got {
			t.Fatalf("%q is %d, package time says %v, %v", v, got, want, err)
		}
		if again, ok := fix.ParseTime(fix.AppendTime(nil, got)); !ok || again != got-got%1e6 {
			t.Fatalf("%q is %d, then %d, %v", v, got, again, ok)
		}
	})
}
