package market

import (
	"fmt"
	"slices"
)

// Limits of Hours.
const (
	MaxSessions = 16
	MaxHolidays = 10_000
)

// Hours are the sessions of every trading day.
type Hours struct {
	// Sessions are in order and do not overlap. There is at least one.
	Sessions []Session
	// Weekdays are the days of the week with trading. There is at least one.
	Weekdays Weekdays
	// Holidays are dates without trading, in order.
	Holidays []int32
}

// Session is a time of day with trading, in seconds since local midnight: from Open up to, and
// without, Close. It is inside one date; the end of the day is 86,400.
type Session struct{ Open, Close int32 }

// Weekdays is a set of days of the week: bit 0 is Monday, bit 6 is Sunday.
type Weekdays uint8

// Sets of weekdays.
const (
	MondayToFriday Weekdays = 1<<5 - 1
	AllWeekdays    Weekdays = 1<<7 - 1
)

// TradingDay reports whether the market opens on a date.
func (h *Hours) TradingDay(date int32) bool {
	const monday = 4 // 1970-01-05 was a Monday
	weekday := (date - monday) % 7
	if weekday < 0 {
		weekday += 7
	}
	if h.Weekdays>>weekday&1 == 0 {
		return false
	}
	_, holiday := slices.BinarySearch(h.Holidays, date)
	return !holiday
}

// next returns the first trading day after a date. It looks at 7 dates at most for each
// holiday, and 7 more.
func (h *Hours) next(date int32) int32 {
	for date++; !h.TradingDay(date); date++ {
	}
	return date
}

// previous returns the last trading day before a date.
func (h *Hours) previous(date int32) int32 {
	for date--; !h.TradingDay(date); date-- {
	}
	return date
}

// lastClose returns when a trading day ends.
func (h *Hours) lastClose() int32 { return h.Sessions[len(h.Sessions)-1].Close }

func (h *Hours) validate() error {
	if h == nil {
		return nil
	}
	switch {
	case len(h.Sessions) == 0 || len(h.Sessions) > MaxSessions:
		return badRules("hours", len(h.Sessions), fmt.Sprintf("must be 1 to %d sessions", MaxSessions))
	case h.Weekdays == 0 || h.Weekdays > AllWeekdays:
		return badRules("weekdays", uint8(h.Weekdays), "must have a day of the week")
	case len(h.Holidays) > MaxHolidays:
		return badRules("holidays", len(h.Holidays), fmt.Sprintf("must be at most %d dates", MaxHolidays))
	}
	var before Session
	for _, s := range h.Sessions {
		switch {
		case s.Open < 0 || s.Close > secondsPerDay || s.Open >= s.Close:
			return badRules("hours", s.String(), "must end after it starts, on the same day")
		case s.Open < before.Close:
			return badRules("hours", s.String(), "must come after the session "+before.String())
		}
		before = s
	}
	for n := 1; n < len(h.Holidays); n++ {
		if h.Holidays[n] <= h.Holidays[n-1] {
			return badRules("holidays", h.Holidays[n], "must be in order, each date once")
		}
	}
	return nil
}

// String returns a session such as "09:30-11:30".
func (s Session) String() string { return timeOfDay(s.Open) + "-" + timeOfDay(s.Close) }

func timeOfDay(second int32) string {
	text := fmt.Sprintf("%02d:%02d", second/3600, second/60%60)
	if second%60 != 0 {
		text += fmt.Sprintf(":%02d", second%60)
	}
	return text
}
