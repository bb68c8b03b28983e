package seed

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/textfile"
)

// marketKeys are the keys of a market.
var marketKeys = []string{
	"market", "lot", "minimum_lot", "band", "utc_offset", "hours", "weekdays", "holidays", "commission", "commission_minimum",
	"sell_tax", "fee_per_share", "fees_in_cost", "shares_settle", "cash_settle", "depth",
}

// marketEntry is a market while it is read.
type marketEntry struct {
	rules    market.Rules
	fees     ledger.Fees
	hours    market.Hours
	holidays map[int32]int // their lines
	lines    map[string]int
}

// market reads an entry of "markets".
func (p *parser) market() error {
	e := marketEntry{hours: market.Hours{Weekdays: market.MondayToFriday}, holidays: make(map[int32]int), lines: make(map[string]int)}
	err := p.Object("market", func(key string) error {
		err := p.marketField(&e, key)
		e.lines[key] = p.Line
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range []string{"weekdays", "holidays"} {
		if e.lines[key] > 0 && e.lines["hours"] == 0 {
			return p.ErrorAt(e.lines[key], "market: %q needs \"hours\", such as [\"00:00-24:00\"]", key)
		}
	}
	if e.lines["hours"] > 0 {
		slices.Sort(e.hours.Holidays)
	}
	return p.addMarket(&e)
}

func (p *parser) addMarket(e *marketEntry) error {
	r, hours, fees := e.rules, e.hours, e.fees // copies, which do not retain the maps
	if e.lines["hours"] > 0 {
		r.Hours = &hours
	}
	if fees != (ledger.Fees{InCost: fees.InCost}) {
		r.Fees = &fees
	}
	if r.Name == "" {
		return p.Errorf(`market: key "market" is missing or empty`)
	}
	if err := r.Validate(); err != nil {
		return p.fieldError("market", err, e.lines)
	}
	if first, ok := p.marketLines[r.Name]; ok {
		return p.ErrorAt(e.lines["market"], "market %q is already on line %d", r.Name, first)
	}
	p.marketLines[r.Name] = e.lines["market"]
	p.markets[r.Name] = &r
	p.result.Markets = append(p.result.Markets, &r)
	return nil
}

// marketField reads the value of a key.
func (p *parser) marketField(e *marketEntry, key string) (err error) {
	r := &e.rules
	switch key {
	case "market":
		r.Name, err = p.Text(key)
	case "lot":
		r.Lots.Step, err = p.quantity(key, 1)
	case "minimum_lot":
		r.Lots.Minimum, err = p.quantity(key, 1)
	case "band":
		r.Band, err = p.percent(key)
	case "utc_offset":
		r.Offset, err = p.offset(key)
	case "hours":
		err = p.Array(key, func() error { return p.session(&e.hours) })
	case "weekdays":
		e.hours.Weekdays, err = p.weekdays(key)
	case "holidays":
		err = p.Array(key, func() error { return p.holiday(e) })
	case "commission":
		e.fees.Commission, err = p.percent(key)
	case "commission_minimum":
		e.fees.Minimum, err = p.cash(key)
	case "sell_tax":
		e.fees.SellTax, err = p.percent(key)
	case "fee_per_share":
		e.fees.PerShare, err = p.cash(key)
	case "fees_in_cost":
		e.fees.InCost, err = p.Bool(key)
	case "shares_settle":
		r.SharesDays, err = p.settlement(key)
	case "cash_settle":
		r.CashDays, err = p.settlement(key)
	case "depth":
		r.Depth, err = p.quantity(key, 0)
	default:
		err = p.unknown("market", key, marketKeys...)
	}
	return err
}

// percent reads a rate.
func (p *parser) percent(key string) (ledger.Rate, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	rate, ok := market.ParsePercent(s)
	if !ok {
		return 0, p.Errorf(`%s wants a percentage such as "0.025%%" from 0%% to 100%% with at most 6 decimals, got %q`, key, jsonfile.Clip(s))
	}
	return rate, nil
}

// offset reads an offset from UTC, in seconds.
func (p *parser) offset(key string) (int32, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		if seconds, ok := parseTimeOfDay(s[1:]); ok && seconds <= market.MaxOffset {
			if s[0] == '-' {
				seconds = -seconds
			}
			return seconds, nil
		}
	}
	return 0, p.Errorf(`%s wants an offset such as "+08:00" from -14:00 to +14:00, got %q`, key, jsonfile.Clip(s))
}

// session reads an entry of "hours".
func (p *parser) session(h *market.Hours) error {
	s, err := p.Text("entry of hours")
	if err != nil {
		return err
	}
	from, to, _ := strings.Cut(s, "-")
	opens, ok := parseTimeOfDay(from)
	closes, also := parseTimeOfDay(to)
	session := market.Session{Open: opens, Close: closes}
	switch {
	case !ok || !also || opens >= closes:
		return p.Errorf(`hours wants sessions such as "09:30-11:30", each inside one day (00:00 to 24:00), got %q`, jsonfile.Clip(s))
	case len(h.Sessions) == market.MaxSessions:
		return p.Errorf("hours: over %d sessions", market.MaxSessions)
	case len(h.Sessions) > 0 && opens < h.Sessions[len(h.Sessions)-1].Close:
		return p.Errorf("hours: session %s must come after %s", session, h.Sessions[len(h.Sessions)-1])
	}
	h.Sessions = append(h.Sessions, session)
	return nil
}

// parseTimeOfDay parses a time from "00:00" to "24:00" into seconds.
func parseTimeOfDay(s string) (second int32, ok bool) {
	hours, minutes, found := strings.Cut(s, ":")
	h, errHours := strconv.ParseUint(hours, 10, 8)
	m, errMinutes := strconv.ParseUint(minutes, 10, 8)
	if !found || len(hours) != 2 || len(minutes) != 2 || errHours != nil || errMinutes != nil || m > 59 || h*60+m > 24*60 {
		return 0, false
	}
	return int32(h*60+m) * 60, true
}

// weekdayNames are the days of the week, in the order of market.Weekdays.
var weekdayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// weekdays reads days and ranges of days such as "Mon-Fri" or "Mon,Wed,Fri".
func (p *parser) weekdays(key string) (market.Weekdays, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	var days market.Weekdays
	for part := range strings.SplitSeq(s, ",") {
		first, last, found := strings.Cut(part, "-")
		if !found {
			last = first
		}
		for _, word := range []string{first, last} {
			if !slices.Contains(weekdayNames, word) {
				return 0, p.Errorf(`%s wants days such as "Mon-Fri" or "Mon,Wed", got %q%s`, key, jsonfile.Clip(s), textfile.Suggestion(word, weekdayNames))
			}
		}
		for n := slices.Index(weekdayNames, first); ; n = (n + 1) % len(weekdayNames) {
			days |= 1 << n
			if weekdayNames[n] == last {
				break
			}
		}
	}
	return days, nil
}

// holiday reads an entry of "holidays".
func (p *parser) holiday(e *marketEntry) error {
	s, err := p.Text("entry of holidays")
	if err != nil {
		return err
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1970 {
		return p.Errorf(`holidays wants dates such as "2026-10-01", got %q`, jsonfile.Clip(s))
	}
	date := int32(t.Unix() / (24 * 60 * 60))
	if line, ok := e.holidays[date]; ok {
		return p.Errorf("holiday %s is already on line %d", s, line)
	}
	if len(e.holidays) == market.MaxHolidays {
		return p.Errorf("over %d holidays", market.MaxHolidays)
	}
	e.holidays[date] = p.Line
	e.hours.Holidays = append(e.hours.Holidays, date)
	return nil
}

// settlement reads how many trading days something takes to settle.
func (p *parser) settlement(key string) (int, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	digits, found := strings.CutPrefix(s, "T+")
	days, err := strconv.ParseUint(digits, 10, 8)
	if !found || err != nil || days > market.MaxSettlementDays || digits != strconv.FormatUint(days, 10) {
		return 0, p.Errorf(`%s wants "T+0" to "T+%d", got %q`, key, market.MaxSettlementDays, jsonfile.Clip(s))
	}
	return int(days), nil
}
