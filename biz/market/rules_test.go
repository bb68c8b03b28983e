package market_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// at returns an instant of a local time at an offset in hours.
func at(t testing.TB, local string, offset float64) int64 {
	t.Helper()
	v, err := time.Parse(time.DateTime, local)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixNano() - int64(offset*float64(time.Hour))
}

func date(t testing.TB, s string) int32 {
	t.Helper()
	return int32(at(t, s+" 00:00:00", 0) / int64(24*time.Hour))
}

// mainland has two sessions on weekdays at UTC+8. 2026-10-01 (a Thursday) to 2026-10-05 (a
// Monday) are holidays.
func mainland(t testing.TB) *market.Rules {
	t.Helper()
	return &market.Rules{Offset: 8 * 3600, Hours: &market.Hours{
		Sessions: []market.Session{{Open: 34_200, Close: 41_400}, {Open: 46_800, Close: 54_000}},
		Weekdays: market.MondayToFriday,
		Holidays: []int32{date(t, "2026-10-01"), date(t, "2026-10-02"), date(t, "2026-10-05")},
	}}
}

func TestPhase(t *testing.T) {
	half := &market.Rules{Offset: -12_600, Hours: &market.Hours{Sessions: []market.Session{{Open: 0, Close: 86_400}}, Weekdays: market.AllWeekdays}}
	for _, tt := range []struct {
		name            string
		rules           *market.Rules
		offset          float64
		at              string // local, as the times below
		open            bool
		day, from       string
		until, close    string
		nextOpen        string
		nanosBeforeTime int64
	}{
		{name: "always open", rules: &market.Rules{}, at: "2026-11-26 12:00:00", open: true, day: "2026-11-26", from: "2026-11-26 00:00:00",
			until: "2026-11-27 00:00:00", close: "2026-11-27 00:00:00", nextOpen: "2026-11-27 00:00:00"},
		{name: "always open, at midnight", rules: &market.Rules{}, at: "2026-11-26 00:00:00", open: true, day: "2026-11-26", from: "2026-11-26 00:00:00",
			until: "2026-11-27 00:00:00", close: "2026-11-27 00:00:00", nextOpen: "2026-11-27 00:00:00"},
		{name: "always open, before midnight at an offset", rules: &market.Rules{Offset: 8 * 3600}, offset: 8, at: "2026-11-26 00:00:00", nanosBeforeTime: 1, open: true,
			day: "2026-11-25", from: "2026-11-25 00:00:00", until: "2026-11-26 00:00:00", close: "2026-11-26 00:00:00", nextOpen: "2026-11-26 00:00:00"},
		{name: "before 1970", rules: &market.Rules{}, at: "1969-12-31 00:00:00", open: true, day: "1969-12-31", from: "1969-12-31 00:00:00",
			until: "1970-01-01 00:00:00", close: "1970-01-01 00:00:00", nextOpen: "1970-01-01 00:00:00"},
		{name: "just before 1970", rules: &market.Rules{}, at: "1970-01-01 00:00:00", nanosBeforeTime: 1, open: true, day: "1969-12-31", from: "1969-12-31 00:00:00",
			until: "1970-01-01 00:00:00", close: "1970-01-01 00:00:00", nextOpen: "1970-01-01 00:00:00"},
		{name: "all day on a half hour", rules: half, offset: -3.5, at: "2026-11-26 23:59:59", open: true, day: "2026-11-26", from: "2026-11-26 00:00:00",
			until: "2026-11-27 00:00:00", close: "2026-11-27 00:00:00", nextOpen: "2026-11-27 00:00:00"},

		{name: "before the first session", rules: mainland(t), offset: 8, at: "2026-11-26 09:30:00", nanosBeforeTime: 1, day: "2026-11-26", from: "2026-11-25 15:00:00",
			until: "2026-11-26 09:30:00", close: "2026-11-26 15:00:00", nextOpen: "2026-11-26 09:30:00"},
		{name: "first session starts", rules: mainland(t), offset: 8, at: "2026-11-26 09:30:00", open: true, day: "2026-11-26", from: "2026-11-26 09:30:00",
			until: "2026-11-26 11:30:00", close: "2026-11-26 15:00:00", nextOpen: "2026-11-26 13:00:00"},
		{name: "first session ends", rules: mainland(t), offset: 8, at: "2026-11-26 11:30:00", nanosBeforeTime: 1, open: true, day: "2026-11-26", from: "2026-11-26 09:30:00",
			until: "2026-11-26 11:30:00", close: "2026-11-26 15:00:00", nextOpen: "2026-11-26 13:00:00"},
		{name: "break", rules: mainland(t), offset: 8, at: "2026-11-26 11:30:00", day: "2026-11-26", from: "2026-11-26 11:30:00",
			until: "2026-11-26 13:00:00", close: "2026-11-26 15:00:00", nextOpen: "2026-11-26 13:00:00"},
		{name: "second session", rules: mainland(t), offset: 8, at: "2026-11-26 13:00:00", open: true, day: "2026-11-26", from: "2026-11-26 13:00:00",
			until: "2026-11-26 15:00:00", close: "2026-11-26 15:00:00", nextOpen: "2026-11-27 09:30:00"},
		{name: "after the close", rules: mainland(t), offset: 8, at: "2026-11-26 15:00:00", day: "2026-11-27", from: "2026-11-26 15:00:00",
			until: "2026-11-27 09:30:00", close: "2026-11-27 15:00:00", nextOpen: "2026-11-27 09:30:00"},
		{name: "after midnight", rules: mainland(t), offset: 8, at: "2026-11-27 00:00:00", day: "2026-11-27", from: "2026-11-26 15:00:00",
			until: "2026-11-27 09:30:00", close: "2026-11-27 15:00:00", nextOpen: "2026-11-27 09:30:00"},
		{name: "last session before a weekend", rules: mainland(t), offset: 8, at: "2026-11-27 14:00:00", open: true, day: "2026-11-27", from: "2026-11-27 13:00:00",
			until: "2026-11-27 15:00:00", close: "2026-11-27 15:00:00", nextOpen: "2026-11-30 09:30:00"},
		{name: "Saturday", rules: mainland(t), offset: 8, at: "2026-11-28 10:00:00", day: "2026-11-30", from: "2026-11-27 15:00:00",
			until: "2026-11-30 09:30:00", close: "2026-11-30 15:00:00", nextOpen: "2026-11-30 09:30:00"},
		{name: "Monday after a weekend", rules: mainland(t), offset: 8, at: "2026-11-30 09:00:00", day: "2026-11-30", from: "2026-11-27 15:00:00",
			until: "2026-11-30 09:30:00", close: "2026-11-30 15:00:00", nextOpen: "2026-11-30 09:30:00"},
		{name: "last session before holidays", rules: mainland(t), offset: 8, at: "2026-09-30 14:00:00", open: true, day: "2026-09-30", from: "2026-09-30 13:00:00",
			until: "2026-09-30 15:00:00", close: "2026-09-30 15:00:00", nextOpen: "2026-10-06 09:30:00"},
		{name: "holiday and weekend", rules: mainland(t), offset: 8, at: "2026-10-02 10:00:00", day: "2026-10-06", from: "2026-09-30 15:00:00",
			until: "2026-10-06 09:30:00", close: "2026-10-06 15:00:00", nextOpen: "2026-10-06 09:30:00"},
		{name: "first morning after holidays", rules: mainland(t), offset: 8, at: "2026-10-06 08:00:00", day: "2026-10-06", from: "2026-09-30 15:00:00",
			until: "2026-10-06 09:30:00", close: "2026-10-06 15:00:00", nextOpen: "2026-10-06 09:30:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := market.Phase{
				Open: tt.open, Day: date(t, tt.day), From: at(t, tt.from, tt.offset), Until: at(t, tt.until, tt.offset),
				Close: at(t, tt.close, tt.offset), NextOpen: at(t, tt.nextOpen, tt.offset),
			}
			if err := tt.rules.Validate(); err != nil {
				t.Fatal(err)
			}
			if have := tt.rules.Phase(at(t, tt.at, tt.offset) - tt.nanosBeforeTime); have != want {
				t.Errorf("have %+v\nwant %+v", have, want)
			}
		})
	}
}

func TestSettles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rules  *market.Rules
		offset float64
		at     string
		days   int
		want   string // "": at once
	}{
		{"at once", mainland(t), 8, "2026-11-26 10:00:00", 0, ""},
		{"negative", mainland(t), 8, "2026-11-26 10:00:00", -1, ""},
		{"next day", mainland(t), 8, "2026-11-26 10:00:00", 1, "2026-11-27 00:00:00"},
		{"over a weekend", mainland(t), 8, "2026-11-27 10:00:00", 1, "2026-11-30 00:00:00"},
		{"two days over a weekend", mainland(t), 8, "2026-11-26 14:59:59", 2, "2026-11-30 00:00:00"},
		{"over holidays", mainland(t), 8, "2026-09-30 10:00:00", 1, "2026-10-06 00:00:00"},
		{"two days over holidays", mainland(t), 8, "2026-09-29 10:00:00", 2, "2026-10-06 00:00:00"},
		{"in the break", mainland(t), 8, "2026-11-26 12:00:00", 1, "2026-11-27 00:00:00"},
		{"after the close", mainland(t), 8, "2026-11-26 15:00:00", 1, "2026-11-30 00:00:00"},
		{"on Saturday", mainland(t), 8, "2026-11-28 10:00:00", 1, "2026-12-01 00:00:00"},
		{"always open, over a weekend", &market.Rules{}, 0, "2026-11-27 23:59:59", 1, "2026-11-28 00:00:00"},
		{"always open, at an offset", &market.Rules{Offset: -5 * 3600}, -5, "2026-11-27 23:59:59", 2, "2026-11-29 00:00:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := int64(0)
			if tt.want != "" {
				want = at(t, tt.want, tt.offset)
			}
			if have := tt.rules.Settles(at(t, tt.at, tt.offset), tt.days); have != want {
				t.Errorf("have %s, want %s", tt.rules.Local(have), tt.rules.Local(want))
			}
		})
	}
}

// randomRules returns rules that Validate accepts.
func randomRules(random *rand.Rand) *market.Rules {
	r := &market.Rules{Offset: int32(random.IntN(2*market.MaxOffset+1) - market.MaxOffset)}
	if random.IntN(8) == 0 {
		return r
	}
	h := &market.Hours{Weekdays: market.Weekdays(1 + random.IntN(int(market.AllWeekdays)))}
	times := make([]int32, 2*(1+random.IntN(3)))
	for n := range times {
		times[n] = int32(random.IntN(25)) * 3600 // often the same, or midnight
	}
	slices.Sort(times)
	for n := 0; n < len(times); n += 2 {
		if times[n] < times[n+1] {
			h.Sessions = append(h.Sessions, market.Session{Open: times[n], Close: times[n+1]})
		}
	}
	if len(h.Sessions) == 0 {
		h.Sessions = []market.Session{{Open: 0, Close: 86_400}}
	}
	for d := int32(20_000); len(h.Holidays) < random.IntN(40); d += int32(1 + random.IntN(3)) {
		h.Holidays = append(h.Holidays, d)
	}
	r.Hours = h
	return r
}

// checkPhase compares a phase with a slow twin that looks at the sessions of many days.
func checkPhase(t *testing.T, r *market.Rules, at int64, p market.Phase) {
	t.Helper()
	type session struct {
		day        int32
		from, till int64
	}
	var sessions []session
	today := int32(at/86_400_000_000_000) - 1
	for d := today - 120; d < today+120; d++ {
		if r.Hours == nil {
			sessions = append(sessions, session{d, r.Instant(d, 0), r.Instant(d, 86_400)})
		} else if r.Hours.TradingDay(d) {
			for _, s := range r.Hours.Sessions {
				sessions = append(sessions, session{d, r.Instant(d, s.Open), r.Instant(d, s.Close)})
			}
		}
	}
	n := 0
	for sessions[n].till <= at {
		n++
	}
	s := sessions[n]
	want := market.Phase{Open: at >= s.from, Day: s.day, From: sessions[n-1].till, Until: s.from, NextOpen: s.from}
	if want.Open {
		want.From, want.Until, want.NextOpen = s.from, s.till, sessions[n+1].from
	}
	for ; sessions[n].day == s.day; n++ {
		want.Close = sessions[n].till
	}
	if p != want {
		t.Fatalf("%+v at %s:\nhave %+v\nwant %+v", r, r.Local(at), p, want)
	}
}

// The phases follow one another without gaps, days never fall, and what settles later starts
// later.
func TestPhasesInOrder(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := randomRules(random)
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		now := int64(19_990)*86_400_000_000_000 + random.Int64N(86_400_000_000_000)
		before := r.Phase(now)
		settles := [4]int64{}
		for range 400 {
			p := r.Phase(now)
			checkPhase(t, r, now, p)
			switch {
			case now < p.From || now >= p.Until || p.Close < p.Until && p.Open || p.NextOpen < p.Until:
				t.Fatalf("%+v at %d: %+v", r, now, p)
			case p.Day < before.Day || p.Day != r.Day(now):
				t.Fatalf("%+v at %d: the day falls from %d to %d, or is not %d", r, now, before.Day, p.Day, r.Day(now))
			case now == before.Until && (p.From != now || p == before):
				t.Fatalf("%+v at %d: %+v follows %+v", r, now, p, before)
			case p.From == before.From && p != before:
				t.Fatalf("%+v at %d: %+v differs from %+v", r, now, p, before)
			}
			for days, last := range settles {
				at := r.Settles(now, days)
				if at < last || days > 0 && (at <= now || at <= r.Settles(now, days-1) || r.Day(at) != r.Day(at-1)+1 && r.Hours == nil) {
					t.Fatalf("%+v at %d: %d days settle at %d, before at %d", r, now, days, at, last)
				}
				settles[days] = at
			}
			before = p
			if random.IntN(3) == 0 {
				now += random.Int64N(p.Until - now)
			} else {
				now = p.Until
			}
		}
	}
}

func TestBandOf(t *testing.T) {
	for _, tt := range []struct {
		name            string
		band            ledger.Rate
		previous, tick  ledger.Price
		lowest, highest ledger.Price
	}{
		{"no band", 0, 100_000, 100, 0, ledger.MaxPrice},
		{"even", 10_000_000, 100_000, 100, 90_000, 110_000},
		{"rounded inwards", 10_000_000, 100_500, 100, 90_500, 110_500},
		{"rounded inwards to a coarse tick", 10_000_000, 100_000, 3000, 90_000, 108_000},
		{"at least a tick", 10_000_000, 300, 100, 200, 400},
		{"one tick", 10_000_000, 100, 100, 100, 200},
		{"tiny band", 1, 100_000, 1, 99_999, 100_001},
		{"whole price", ledger.MaxRate, 100_000, 100, 100, 200_000},
		{"fraction of the smallest price", 33_333_333, 10, 1, 7, 13},
		{"highest price", ledger.MaxRate, ledger.MaxPrice, 1, 1, ledger.MaxPrice},
		{"highest price, coarse tick", 10_000_000, ledger.MaxPrice, 30_000_000_000, 9_000_000_000_000, 9_990_000_000_000},
		{"between ticks", 1_000_000, 150, 100, 100, 200},
		{"no price", 10_000_000, 0, 100, 100, 200},
		{"negative price", 10_000_000, -5, 100, 100, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := market.Rules{Band: tt.band}
			if low, high := r.BandOf(tt.previous, tt.tick); low != tt.lowest || high != tt.highest {
				t.Errorf("%d to %d, want %d to %d", low, high, tt.lowest, tt.highest)
			}
		})
	}
}

// A band is inside what it may be, by exact arithmetic in small numbers.
func TestBandsAreInside(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		tick := ledger.Price(1 + random.IntN(50))
		previous := tick * ledger.Price(1+random.IntN(5000))
		r := market.Rules{Band: ledger.Rate(1 + random.Int64N(int64(ledger.MaxRate)))}
		low, high := r.BandOf(previous, tick)
		exact, unit := int64(previous)*int64(r.Band), int64(ledger.MaxRate)
		switch {
		case low%tick != 0 || high%tick != 0 || low < tick || high < previous+tick || low > max(previous-tick, tick):
			t.Fatalf("tick %d, previous %d, %+v: %d to %d", tick, previous, r, low, high)
		case int64(previous-low)*unit > exact && low != max(previous-tick, tick), int64(high-previous)*unit > exact && high != previous+tick:
			t.Fatalf("tick %d, previous %d, %+v: %d to %d is too wide", tick, previous, r, low, high)
		case low > tick && int64(previous-low+tick)*unit <= exact, int64(high+tick-previous)*unit <= exact:
			t.Fatalf("tick %d, previous %d, %+v: %d to %d is too narrow", tick, previous, r, low, high)
		}
	}
}

func TestTerms(t *testing.T) {
	r := mainland(t)
	r.SharesDays, r.CashDays, r.Band = 1, 2, 10_000_000
	r.Fees = &ledger.Fees{Commission: 1}
	i := market.Instrument{Tick: 100, Last: 100_000}
	i.SetRules(r)
	now := at(t, "2026-11-26 10:00:00", 8)
	want := ledger.Terms{
		Time: now, Lots: ledger.Lots{Minimum: 1, Step: 1}, Fees: r.Fees, SharesFrom: at(t, "2026-11-27 00:00:00", 8),
		CashFrom: at(t, "2026-11-30 00:00:00", 8), Reserve: 110_000,
	}
	have := ledger.Terms{Priority: 5}
	if i.SetTerms(&have, now, 100_000, 110_000); have != want {
		t.Errorf("have %+v\nwant %+v", have, want)
	}
	if i.SetTerms(&have, now, 120_000, 110_000); have.Reserve != 120_000 {
		t.Errorf("reserve %d below the last price", have.Reserve)
	}
}

func TestValidateRules(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*market.Rules)
		says   string
	}{
		{"name", func(r *market.Rules) { r.Name = "A B" }, `market "A B": must be 1 to 64`},
		{"lot", func(r *market.Rules) { r.Lots.Step = -1 }, "lot -1: must be 1 or more"},
		{"minimum", func(r *market.Rules) { r.Lots = ledger.Lots{Minimum: 150, Step: 100} }, "minimum_lot 150: must be a multiple of the lot 100"},
		{"band", func(r *market.Rules) { r.Band = -2_500_000 }, `band "-2.5%": must be 0% to 100%`},
		{"wide band", func(r *market.Rules) { r.Band = ledger.MaxRate + 1 }, `band "100.000001%": must be 0% to 100%`},
		{"shares", func(r *market.Rules) { r.SharesDays = 31 }, "shares_settle 31: must be 0 to 30 trading days"},
		{"cash", func(r *market.Rules) { r.CashDays = -1 }, "cash_settle -1: must be 0 to 30 trading days"},
		{"depth", func(r *market.Rules) { r.Depth = -1 }, "depth -1: must be 0 or more"},
		{"offset", func(r *market.Rules) { r.Offset = market.MaxOffset + 1 }, "utc_offset 50401: must be at most 14 hours"},
		{"commission", func(r *market.Rules) { r.Fees = &ledger.Fees{Commission: -1} }, `commission "-0.000001%"`},
		{"commission minimum", func(r *market.Rules) { r.Fees = &ledger.Fees{Minimum: -1} }, `commission_minimum "-0.0001": must be 0 or more`},
		{"tax", func(r *market.Rules) { r.Fees = &ledger.Fees{SellTax: ledger.MaxRate + 1} }, `sell_tax "100.000001%"`},
		{"fee per share", func(r *market.Rules) { r.Fees = &ledger.Fees{PerShare: -1} }, `fee_per_share "-0.0001"`},
		{"no session", func(r *market.Rules) { r.Hours.Sessions = nil }, "hours 0: must be 1 to 16 sessions"},
		{"too many sessions", func(r *market.Rules) { r.Hours.Sessions = make([]market.Session, 17) }, "hours 17: must be 1 to 16 sessions"},
		{"session backwards", func(r *market.Rules) { r.Hours.Sessions[0].Close = 34_199 }, `hours "09:30-09:29:59": must end after it starts`},
		{"empty session", func(r *market.Rules) { r.Hours.Sessions[0].Close = 34_200 }, `hours "09:30-09:30": must end after it starts`},
		{"session over midnight", func(r *market.Rules) { r.Hours.Sessions[1].Close = 86_401 }, `hours "13:00-24:00:01": must end after it starts`},
		{"session before midnight", func(r *market.Rules) { r.Hours.Sessions[0].Open = -1 }, `hours "`},
		{"sessions overlap", func(r *market.Rules) { r.Hours.Sessions[1].Open = 41_399 }, `hours "11:29:59-15:00": must come after the session 09:30-11:30`},
		{"no weekday", func(r *market.Rules) { r.Hours.Weekdays = 0 }, "weekdays 0: must have a day of the week"},
		{"eighth weekday", func(r *market.Rules) { r.Hours.Weekdays = 0x80 }, "weekdays 128: must have a day of the week"},
		{"too many holidays", func(r *market.Rules) { r.Hours.Holidays = make([]int32, market.MaxHolidays+1) }, "holidays 10001: must be at most 10000 dates"},
		{"holidays out of order", func(r *market.Rules) { r.Hours.Holidays[1] = 5 }, "holidays 5: must be in order, each date once"},
		{"holiday twice", func(r *market.Rules) { r.Hours.Holidays[1] = r.Hours.Holidays[0] }, "holidays 20727: must be in order, each date once"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mainland(t)
			tt.change(r)
			var field *market.FieldError
			if err := r.Validate(); !errors.Is(err, market.ErrBadRules) || !errors.As(err, &field) || !strings.HasPrefix(err.Error(), tt.says) {
				t.Errorf("have %v, want %s", err, tt.says)
			}
		})
	}
	if err := new(market.Rules).Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
}

func TestLocal(t *testing.T) {
	for _, tt := range []struct {
		offset int32
		want   string
	}{{0, "2026-11-26 21:55:38 +00:00"}, {8 * 3600, "2026-11-27 05:55:38 +08:00"}, {-12_600, "2026-11-26 18:25:38 -03:30"}} {
		r := market.Rules{Offset: tt.offset}
		if have := r.Local(at(t, "2026-11-26 21:55:38", 0) + 999); have != tt.want {
			t.Errorf("%s, want %s", have, tt.want)
		}
	}
	for d := int32(-100_000); d < 100_000; d++ {
		want := time.Unix(int64(d)*86_400, 0).UTC().Format(time.DateOnly)
		if have := market.FormatDate(d); have != want {
			t.Fatalf("date %d: %s, want %s", d, have, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for text, want := range map[string]ledger.Rate{
		"0%": 0, "10%": 10_000_000, "0.025%": 25_000, "100%": ledger.MaxRate, "0.000001%": 1, "99.999999%": ledger.MaxRate - 1, "5.5%": 5_500_000,
	} {
		if have, ok := market.ParsePercent(text); !ok || have != want || market.FormatPercent(want) != text {
			t.Errorf("%s: %d, %t; %s", text, have, ok, market.FormatPercent(want))
		}
	}
	if r, ok := market.ParsePercent("10.500%"); !ok || r != 10_500_000 {
		t.Errorf("%d, %t", r, ok)
	}
	for _, text := range []string{"", "%", "10", "010%", ".5%", "5.%", "1e1%", "+1%", "-1%", "1%%", "1 %", " 1%", "100.000001%", "0.0000001%", "1.2.3%", "99999999999999999999%", "１%"} {
		if r, ok := market.ParsePercent(text); ok {
			t.Errorf("%q: %d", text, r)
		}
	}
}

func TestRulesDoNotAllocate(t *testing.T) {
	r := mainland(t)
	now := at(t, "2026-11-26 10:00:00", 8)
	for what, do := range map[string]func(){
		"Phase":   func() { r.Phase(now) },
		"Settles": func() { r.Settles(now, 2) },
		"BandOf":  func() { r.BandOf(100_000, 100) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func BenchmarkRules(b *testing.B) {
	for name, r := range map[string]*market.Rules{"always open": {}, "mainland": mainland(b)} {
		r.SharesDays, r.CashDays = 1, 1
		i := market.Instrument{}
		i.SetRules(r)
		now := at(b, "2026-11-26 10:00:00", 8)
		b.Run("Phase/"+name, func(b *testing.B) {
			for b.Loop() {
				r.Phase(now)
			}
		})
		b.Run("SetTerms/"+name, func(b *testing.B) {
			var terms ledger.Terms
			for b.Loop() {
				i.SetTerms(&terms, now, 1, 1)
			}
		})
	}
}

// TestFarTimes: the next trading day may be so far away that its time does not fit; it never comes.
func TestFarTimes(t *testing.T) {
	h := &market.Hours{Sessions: []market.Session{{Open: 0, Close: 3600}}, Weekdays: 1}
	for n := range int32(market.MaxHolidays) {
		h.Holidays = append(h.Holidays, date(t, "2200-01-06")+7*n)
	}
	r := &market.Rules{Hours: h}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	if p := r.Phase(at(t, "2200-01-05 00:00:00", 0)); p.Open || p.Close <= market.Latest || p.NextOpen <= market.Latest {
		t.Errorf("%+v", p)
	}
}
