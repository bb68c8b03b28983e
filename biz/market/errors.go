package market

import "errors"

// ErrBadInstrument means that New refuses an instrument; the error's text says which one
// and why.
var ErrBadInstrument = errors.New("market: bad instrument")
