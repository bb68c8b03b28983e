package market

import (
	"math/bits"

	"holdfast/biz/ledger"
)

// Limits of Rules.
const (
	// MaxSettlementDays limits SharesDays and CashDays.
	MaxSettlementDays = 30
	// MaxOffset limits Offset, either way, in seconds: 14 hours.
	MaxOffset = 14 * 3600
)

// Rules are those of one market. Its instruments share them, and they never change. The zero
// value is the default.
//
// Goroutine: any, concurrently. Its methods do not allocate.
type Rules struct {
	// Name is the market of its instruments. New and Add do not check it.
	Name string
	// Lots are for instruments without lots. Zero: any quantity; a minimum of 0 is one step.
	Lots ledger.Lots
	// Band is how far a price may be from the previous close, as a rate of it; 0: any
	// distance.
	Band ledger.Rate
	// Hours are when the market is open; nil: always.
	Hours *Hours
	// Fees are what executions cost; nil: nothing.
	Fees *ledger.Fees
	// SharesDays is after how many trading days bought shares can be sold, CashDays after how
	// many the proceeds of a sell can be spent; 0: at once.
	SharesDays int
	CashDays   int
	// Depth is how many shares each price step offers at each price, for instruments without
	// a depth; 0: any number.
	Depth ledger.Quantity
	// Offset is the local time minus UTC, in seconds.
	Offset int32
}

// Validate returns nil, or a FieldError that wraps ErrBadRules.
func (r *Rules) Validate() error {
	switch {
	case r.Name != "" && !word(r.Name):
		return badRules("market", r.Name, "must be 1 to 64 printable characters without blanks")
	case r.Band < 0 || r.Band > ledger.MaxRate:
		return badRules("band", FormatPercent(r.Band), "must be 0% to 100%")
	case r.SharesDays < 0 || r.SharesDays > MaxSettlementDays:
		return badRules("shares_settle", r.SharesDays, settlementProblem)
	case r.CashDays < 0 || r.CashDays > MaxSettlementDays:
		return badRules("cash_settle", r.CashDays, settlementProblem)
	case r.Depth < 0 || r.Depth > ledger.MaxQuantity:
		return badRules("depth", int64(r.Depth), "must be 0 or more")
	case r.Offset < -MaxOffset || r.Offset > MaxOffset:
		return badRules("utc_offset", r.Offset, "must be at most 14 hours")
	}
	if err := validateLots(r.Lots, badRules); err != nil {
		return err
	}
	if err := validateFees(r.Fees); err != nil {
		return err
	}
	return r.Hours.validate()
}

const settlementProblem = "must be 0 to 30 trading days"

func validateFees(f *ledger.Fees) error {
	switch {
	case f == nil:
		return nil
	case f.Commission < 0 || f.Commission > ledger.MaxRate:
		return badRules("commission", FormatPercent(f.Commission), "must be 0% to 100%")
	case f.Minimum < 0 || f.Minimum > ledger.MaxMoney:
		return badRules("commission_minimum", f.Minimum.String(), "must be 0 or more")
	case f.SellTax < 0 || f.SellTax > ledger.MaxRate:
		return badRules("sell_tax", FormatPercent(f.SellTax), "must be 0% to 100%")
	case f.PerShare < 0 || f.PerShare > ledger.Money(ledger.MaxPrice):
		return badRules("fee_per_share", f.PerShare.String(), "must be 0 to "+ledger.MaxPrice.String())
	}
	return nil
}

// BandOf returns the lowest and the highest price of a day, from the previous close, which is at
// least one tick: rounded inwards to ticks, but at least the next price each way, and never
// below one tick. Without a band it returns 0 and MaxPrice.
func (r *Rules) BandOf(previousClose, tick ledger.Price) (low, high ledger.Price) {
	if r.Band <= 0 {
		return 0, ledger.MaxPrice
	}
	previousClose = min(max(previousClose, tick), ledger.MaxPrice)
	product, rest := bits.Mul64(uint64(previousClose), uint64(r.Band))
	quotient, _ := bits.Div64(product, rest, uint64(ledger.MaxRate))
	width := ledger.Price(quotient)
	down, up := previousClose-width, previousClose+width
	low = min((down+tick-1)/tick*tick, (previousClose-1)/tick*tick)
	high = max(up/tick*tick, previousClose/tick*tick+tick)
	return max(low, tick), min(high, ledger.MaxPrice/tick*tick)
}

// Phase is what a market does at a time, and for how long.
type Phase struct {
	// Open reports whether orders can be executed.
	Open bool
	// Day is the local date of the trading day: today until its last close, then the next
	// one.
	Day int32
	// The phase is the same at every instant from From up to, and without, Until.
	From, Until int64
	// Close is the last close of Day, when DAY orders expire. A market that is always open
	// has it at midnight.
	Close int64
	// NextOpen is when the next session starts: after the break, or on the next trading day. A
	// market that is always open starts a session at midnight.
	NextOpen int64
}

// Phase returns the phase of the market at time t. A caller that asks often stores it until
// Until.
func (r *Rules) Phase(t int64) Phase {
	date, second := r.localTime(t)
	h := r.Hours
	if h == nil {
		from, until := r.Instant(date, 0), r.Instant(date+1, 0)
		return Phase{Open: true, Day: date, From: from, Until: until, Close: until, NextOpen: until}
	}
	last := date // the newest trading day with a close before t
	if h.TradingDay(date) {
		if second < h.lastClose() {
			return r.phaseOf(date, second)
		}
	} else {
		last = h.previous(date)
	}
	next := h.next(date)
	opens := r.Instant(next, h.Sessions[0].Open)
	return Phase{
		Day: next, From: r.Instant(last, h.lastClose()), Until: opens,
		Close: r.Instant(next, h.lastClose()), NextOpen: opens,
	}
}

// phaseOf returns the phase on a trading day, before its last close.
func (r *Rules) phaseOf(date, second int32) Phase {
	h := r.Hours
	n := 0
	for second >= h.Sessions[n].Close {
		n++
	}
	s := h.Sessions[n]
	p := Phase{Day: date, Close: r.Instant(date, h.lastClose())}
	if second >= s.Open {
		p.Open, p.From, p.Until = true, r.Instant(date, s.Open), r.Instant(date, s.Close)
		if n+1 < len(h.Sessions) {
			p.NextOpen = r.Instant(date, h.Sessions[n+1].Open)
		} else {
			p.NextOpen = r.Instant(h.next(date), h.Sessions[0].Open)
		}
		return p
	}
	p.Until = r.Instant(date, s.Open)
	p.NextOpen = p.Until
	if n > 0 {
		p.From = r.Instant(date, h.Sessions[n-1].Close)
	} else {
		p.From = r.Instant(h.previous(date), h.lastClose())
	}
	return p
}

// LastClose returns the newest instant up to t at which a trading day has closed.
func (r *Rules) LastClose(t int64) int64 {
	date, second := r.localTime(t)
	h := r.Hours
	switch {
	case h == nil:
		return r.Instant(date, 0)
	case h.TradingDay(date) && second >= h.lastClose():
		return r.Instant(date, h.lastClose())
	}
	return r.Instant(h.previous(date), h.lastClose())
}

// Day returns the Day of the phase at time t.
func (r *Rules) Day(t int64) int32 {
	date, second := r.localTime(t)
	if h := r.Hours; h != nil && (second >= h.lastClose() || !h.TradingDay(date)) {
		return h.next(date)
	}
	return date
}

// Settles returns when something of time t settles, days trading days later: the local
// midnight at which the trading day starts. For 0 days it returns 0.
func (r *Rules) Settles(t int64, days int) int64 {
	if days <= 0 {
		return 0
	}
	date := r.Day(t)
	if r.Hours == nil {
		return r.Instant(date+int32(days), 0)
	}
	for range days {
		date = r.Hours.next(date)
	}
	return r.Instant(date, 0)
}
