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
	// Lot is the lot size: an order's quantity must be a multiple of it.
	Lot ledger.Quantity
	// Tick is the smallest price step.
	Tick ledger.Price
	// Last is the first price, a multiple of Tick.
	Last ledger.Price
}

// Validate returns nil, or a FieldError with the field, its value and what is wrong. It
// does not check ID.
func (i *Instrument) Validate() error {
	switch {
	case !word(i.Market):
		return i.bad("market", i.Market, "must be 1 to 64 printable characters without blanks")
	case !word(i.Code):
		return i.bad("code", i.Code, "must be 1 to 64 printable characters without blanks")
	case !ValidName(i.Name):
		return i.bad("name", i.Name, "must be at most 64 bytes of printable text")
	case i.Lot < 1 || i.Lot > ledger.MaxQuantity:
		return i.bad("lot", int64(i.Lot), "must be 1 or more")
	case i.Tick < 1 || i.Tick > ledger.MaxPrice:
		return i.bad("tick", i.Tick.String(), "must be 0.0001 or more")
	case i.Last < i.Tick || i.Last > ledger.MaxPrice:
		return i.bad("last", i.Last.String(), "must be at least one tick")
	case i.Last%i.Tick != 0:
		return i.bad("last", i.Last.String(), "must be a multiple of the tick "+i.Tick.String())
	}
	return nil
}

// FieldError says which field of an instrument is wrong. It wraps ErrBadInstrument.
type FieldError struct {
	Field   string
	Value   any
	Problem string
}

// Error returns field, value and problem.
func (e *FieldError) Error() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("%s %q: %s", e.Field, s, e.Problem)
	}
	return fmt.Sprintf("%s %v: %s", e.Field, e.Value, e.Problem)
}

// Unwrap returns ErrBadInstrument.
func (e *FieldError) Unwrap() error { return ErrBadInstrument }

func (i *Instrument) bad(field string, value any, problem string) error {
	return &FieldError{Field: field, Value: value, Problem: problem}
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
