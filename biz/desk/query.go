package desk

import (
	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// Filter selects executions or orders. The zero value selects all.
type Filter struct {
	ByInstrument bool
	Instrument   ledger.InstrumentID
	Side         ledger.Side // 0: both
	// From and To bound the time of the trade, or when the order was accepted, in nanoseconds
	// since the Unix epoch: From <= time < To. 0: no bound.
	From, To int64
}

// matches reports whether the filter selects something of an instrument, a side and a time.
func (f *Filter) matches(id ledger.InstrumentID, side ledger.Side, at int64) bool {
	return (!f.ByInstrument || id == f.Instrument) && (f.Side == 0 || side == f.Side) &&
		(f.From == 0 || at >= f.From) && (f.To == 0 || at < f.To)
}

// row returns the filter as the history takes it.
func (f *Filter) row() history.Filter {
	return history.Filter{ByInstrument: f.ByInstrument, Instrument: uint32(f.Instrument), Side: uint8(f.Side), From: f.From, To: f.To}
}

// pageSize returns how many rows a page has if the query has this limit.
func pageSize(limit int) int {
	if limit <= 0 {
		return history.DefaultLimit
	}
	return min(limit, history.MaxLimit)
}
