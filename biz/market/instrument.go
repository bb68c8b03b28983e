package market

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"holdfast/biz/ledger"
)

// Limits of a market.
const (
	MaxInstruments = 100_000
	// MaxNameSize is the longest market, code or name, in bytes.
	MaxNameSize = 64
)

// Instrument is something that can be traded. Market and Code identify it.
type Instrument struct {
	// ID is its place in the list, from 0.
	ID     ledger.InstrumentID
	Market string
	Code   string
	Name   string
	// Rules are those of the market, shared by its instruments. New and Add replace nil by
	// default rules.
	Rules *Rules
	// Lots are the quantities that an order may have. A minimum of 0 means one step. New and
	// Add replace zero by the lots of the market.
	Lots ledger.Lots
	// Depth is how many shares a price step offers at each price; 0: any number. New and Add
	// replace 0 by the depth of the market; MaxQuantity has the effect of any number there.
	Depth ledger.Quantity
	// Tick is the smallest price step.
	Tick ledger.Price
	// Last is the first price, a multiple of Tick.
	Last ledger.Price
}

// SetRules makes the instrument share the rules of its market, and replaces zero Lots and Depth
// by those of the market.
func (i *Instrument) SetRules(r *Rules) {
	i.Rules = r
	if i.Lots == (ledger.Lots{}) {
		i.Lots = r.Lots
	}
	i.Lots = completeLots(i.Lots)
	if i.Depth == 0 {
		i.Depth = r.Depth
	}
}

// completeLots returns lots with a step and a minimum.
func completeLots(l ledger.Lots) ledger.Lots {
	if l.Step == 0 {
		l.Step = 1
	}
	if l.Minimum == 0 {
		l.Minimum = l.Step
	}
	return l
}

// LotSize returns the lot size: an order's quantity is MinimumLot or more by a multiple of it.
func (i *Instrument) LotSize() ledger.Quantity { return completeLots(i.Lots).Step }

// MinimumLot returns the smallest quantity of a buy.
func (i *Instrument) MinimumLot() ledger.Quantity { return completeLots(i.Lots).Minimum }

// ValidTick reports whether a price is a multiple of the tick, and at least one tick.
func (i *Instrument) ValidTick(p ledger.Price) bool { return p >= i.Tick && p%i.Tick == 0 }

// SetTerms sets terms to the rules for a command at time t. last is the last price, high the upper
// end of the band. The instrument is one of a Market.
func (i *Instrument) SetTerms(terms *ledger.Terms, t int64, last, high ledger.Price) {
	r := i.Rules
	terms.Time, terms.Lots, terms.Fees = t, i.Lots, r.Fees
	terms.SharesFrom, terms.CashFrom = r.Settles(t, r.SharesDays), r.Settles(t, r.CashDays)
	terms.Reserve, terms.Priority = last, 0
	if r.Band > 0 {
		terms.Reserve = max(last, high)
	}
}

// Validate returns nil, or a FieldError with the field, its value and what is wrong. It does
// not check ID and Rules.
func (i *Instrument) Validate() error {
	switch {
	case !word(i.Market):
		return badInstrument("market", i.Market, "must be 1 to 64 printable characters without blanks")
	case !word(i.Code):
		return badInstrument("code", i.Code, "must be 1 to 64 printable characters without blanks")
	case !ValidName(i.Name):
		return badInstrument("name", i.Name, "must be at most 64 bytes of printable text")
	case i.Depth < 0 || i.Depth > ledger.MaxQuantity:
		return badInstrument("depth", int64(i.Depth), "must be 0 or more")
	case i.Tick < 1 || i.Tick > ledger.MaxPrice:
		return badInstrument("tick", i.Tick.String(), "must be 0.0001 or more")
	case i.Last < i.Tick || i.Last > ledger.MaxPrice:
		return badInstrument("last", i.Last.String(), "must be at least one tick")
	case i.Last%i.Tick != 0:
		return badInstrument("last", i.Last.String(), "must be a multiple of the tick "+i.Tick.String())
	}
	return validateLots(i.Lots, badInstrument)
}

// validateLots returns what bad returns if lots are wrong.
func validateLots(l ledger.Lots, bad func(field string, value any, problem string) error) error {
	l = completeLots(l)
	switch {
	case l.Step < 1 || l.Step > ledger.MaxQuantity:
		return bad("lot", int64(l.Step), "must be 1 or more")
	case l.Minimum < 1 || l.Minimum > ledger.MaxQuantity:
		return bad("minimum_lot", int64(l.Minimum), "must be 1 or more")
	case l.Minimum%l.Step != 0:
		return bad("minimum_lot", int64(l.Minimum), fmt.Sprintf("must be a multiple of the lot %d", l.Step))
	}
	return nil
}

func word(s string) bool {
	for _, r := range s {
		if unicode.IsSpace(r) {
			return false
		}
	}
	return s != "" && ValidName(s)
}

// ValidName reports whether s can be the name of an instrument or a customer: at most
// MaxNameSize bytes of printable text. It may be empty.
func ValidName(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return len(s) <= MaxNameSize && utf8.ValidString(s)
}
