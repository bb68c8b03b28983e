package market

import "errors"

// ErrBadInstrument means an instrument that New refuses; the error's text says
// which and why.
var ErrBadInstrument = errors.New("market: bad instrument")
