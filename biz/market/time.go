package market

import (
	"fmt"
	"math"
)

const (
	secondsPerDay  = 86_400
	nanosPerSecond = 1_000_000_000
)

// Instant returns the instant of a local date and time of day; one out of range is the nearest
// second in range.
func (r *Rules) Instant(date, second int32) int64 {
	seconds := int64(date)*secondsPerDay + int64(second) - int64(r.Offset)
	return min(max(seconds, math.MinInt64/nanosPerSecond), math.MaxInt64/nanosPerSecond) * nanosPerSecond
}

// Local returns an instant for people, in the local time of the market, such as
// "2026-11-26 09:30:00 +08:00".
func (r *Rules) Local(t int64) string {
	date, second := r.localTime(t)
	sign, offset := '+', r.Offset
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s %02d:%02d:%02d %c%02d:%02d", FormatDate(date),
		second/3600, second/60%60, second%60, sign, offset/3600, offset/60%60)
}

// localTime returns the local date and time of day of an instant.
func (r *Rules) localTime(t int64) (date, second int32) {
	seconds := floorDivide(t, nanosPerSecond) + int64(r.Offset)
	day := floorDivide(seconds, secondsPerDay)
	return int32(day), int32(seconds - day*secondsPerDay)
}

// FormatDate returns a date such as "2026-11-26".
func FormatDate(date int32) string {
	// Years start in March here, so that the leap day is the last of its year; 400 years
	// have 146,097 days. 719,468 days before 1970-01-01 is 0000-03-01.
	days := int64(date) + 719_468
	era := floorDivide(days, 146_097)
	day := days - era*146_097 // of the 400 years
	year := (day - day/1460 + day/36_524 - day/146_096) / 365
	day -= 365*year + year/4 - year/100 // of the year
	month := (5*day + 2) / 153          // from March
	day -= (153*month+2)/5 - 1
	year += era * 400
	month += 3
	if month > 12 {
		month, year = month-12, year+1
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, month, day)
}

func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
