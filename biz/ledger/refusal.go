package ledger

// Refusal says why a business rule refused a command. It is an error; the values
// are constants, so == and errors.Is both work. The numbers are those of Reason
// in the wire protocol and never change.
type Refusal uint8

// The refusals. ErrUnknownInstrument and ErrUnknownExecution for executions out
// of memory are for the caller to find; they stand here to have one list.
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
)

// Error returns the refusal in plain words.
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
	}
	return "refused"
}
