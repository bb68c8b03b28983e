package ledger

import "fmt"

// Refusal is an error that says why a business rule refused a command. The values are
// constants, so == and errors.Is both work. The numbers are those of Reason in the protocol
// and never change.
type Refusal uint8

// The refusals. The caller checks for ErrUnknownInstrument, and for ErrUnknownExecution if
// the execution is not in memory; they are here to have all refusals in one list.
const (
	ErrUnknownInstrument Refusal = 1
	ErrNotEnoughShares   Refusal = 2
	ErrNotEnoughCash     Refusal = 3
	ErrBadLot            Refusal = 4
	ErrBadPrice          Refusal = 5
	ErrBadQuantity       Refusal = 6
	ErrBadSide           Refusal = 7
	ErrTooLarge          Refusal = 8
	ErrUnknownExecution  Refusal = 9
	ErrBustBlocked       Refusal = 10
	ErrBadClientOrderID  Refusal = 11
	ErrTooManyPositions  Refusal = 12
	ErrBadBustReason     Refusal = 13
)

// Error returns the refusal as a short text.
func (r Refusal) Error() string {
	switch r {
	case ErrUnknownInstrument:
		return "unknown instrument"
	case ErrNotEnoughShares:
		return "not enough shares"
	case ErrNotEnoughCash:
		return "not enough cash"
	case ErrBadLot:
		return "quantity is not a multiple of the lot size"
	case ErrBadPrice:
		return "bad price"
	case ErrBadQuantity:
		return "bad quantity"
	case ErrBadSide:
		return "bad side"
	case ErrTooLarge:
		return "too large"
	case ErrUnknownExecution:
		return "unknown execution"
	case ErrBustBlocked:
		return "bust would leave a negative quantity"
	case ErrBadClientOrderID:
		return "bad client order id"
	case ErrTooManyPositions:
		return "too many positions"
	case ErrBadBustReason:
		return fmt.Sprintf("the reason of a bust must be printable text in UTF-8, on one line, of at most %d bytes", MaxReason)
	}
	return "refused"
}
