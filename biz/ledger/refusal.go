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
	ErrBadReason         Refusal = 13
	// 14 is HISTORY_RESET of the protocol.
	ErrNotEnoughSellable     Refusal = 15
	ErrBadTick               Refusal = 16
	ErrOutsideBand           Refusal = 17
	ErrMarketClosed          Refusal = 18
	ErrHalted                Refusal = 19
	ErrBadOrderType          Refusal = 20
	ErrBadTimeInForce        Refusal = 21
	ErrBadExpiry             Refusal = 22
	ErrTooManyOrders         Refusal = 23
	ErrTooManyClientOrderIDs Refusal = 24
	ErrUnknownOrder          Refusal = 25
	ErrTooLate               Refusal = 26
	ErrCancelPending         Refusal = 27
	ErrBeforeReset           Refusal = 28
	ErrBusted                Refusal = 29
	ErrOverfilled            Refusal = 30
	ErrBadAmount             Refusal = 31
	ErrSimulated             Refusal = 32
	ErrBadDirective          Refusal = 33
	ErrNotStepped            Refusal = 34
	ErrUnknownCustomer       Refusal = 35
	ErrBadSeed               Refusal = 36
)

var refusalTexts = [...]string{
	ErrUnknownInstrument:     "unknown instrument",
	ErrNotEnoughShares:       "not enough shares",
	ErrNotEnoughCash:         "not enough cash",
	ErrBadLot:                "bad lot",
	ErrBadPrice:              "bad price",
	ErrBadQuantity:           "bad quantity",
	ErrBadSide:               "bad side",
	ErrTooLarge:              "too large",
	ErrUnknownExecution:      "unknown execution",
	ErrBustBlocked:           "the position would become negative",
	ErrBadClientOrderID:      "bad client order id",
	ErrTooManyPositions:      "too many positions",
	ErrBadReason:             fmt.Sprintf("the reason must be printable text in UTF-8, on one line, of at most %d bytes", MaxReason),
	ErrNotEnoughSellable:     "not enough sellable shares",
	ErrBadTick:               "bad price",
	ErrOutsideBand:           "price outside the band",
	ErrMarketClosed:          "market closed",
	ErrHalted:                "instrument halted",
	ErrBadOrderType:          "bad order type",
	ErrBadTimeInForce:        "bad time in force",
	ErrBadExpiry:             "bad expiry",
	ErrTooManyOrders:         "too many working orders",
	ErrTooManyClientOrderIDs: "too many client order ids today",
	ErrUnknownOrder:          "unknown order",
	ErrTooLate:               "too late",
	ErrCancelPending:         "a cancel or replace of this order is pending",
	ErrBeforeReset:           "the execution is from before the account was reset",
	ErrBusted:                "the execution is busted",
	ErrOverfilled:            "the order would be filled beyond its quantity",
	ErrBadAmount:             "the amount must be positive",
	ErrSimulated:             "rejected on demand",
	ErrBadDirective:          "bad directive",
	ErrNotStepped:            "the clock is not stepped",
	ErrUnknownCustomer:       "unknown customer",
	ErrBadSeed:               "the seed file was not reloaded",
}

// Error returns the refusal as a short text.
func (r Refusal) Error() string {
	if int(r) < len(refusalTexts) && refusalTexts[r] != "" {
		return refusalTexts[r]
	}
	return "refused"
}

// notEnoughCash refuses to spend m, with the figures.
func (a *Account) notEnoughCash(at int64, m Money) error {
	text := fmt.Sprintf("%s cash", a.cash)
	if a.frozen != 0 {
		text += fmt.Sprintf(", %s frozen", a.frozen)
	}
	if unsettled := a.Unsettled(at); unsettled != 0 {
		text += fmt.Sprintf(", %s unsettled", unsettled)
	}
	if free := a.Free(at); free != a.cash {
		text += fmt.Sprintf(", %s free", free)
	}
	return fmt.Errorf("%w: %s, %s needed", ErrNotEnoughCash, text, m)
}

// notEnoughShares refuses to sell q shares, with the figures.
func (a *Account) notEnoughShares(id InstrumentID, at int64, q Quantity) error {
	p, held := a.Position(id)
	if !held {
		return fmt.Errorf("%w: none held, %d asked", ErrNotEnoughShares, q)
	}
	text := fmt.Sprintf("%d held", p.Quantity)
	if frozen := a.FrozenShares(id); frozen != 0 {
		text += fmt.Sprintf(", %d frozen", frozen)
	}
	if unsettled := a.unsettledShares(id, at); unsettled != 0 {
		text += fmt.Sprintf(", %d unsettled", unsettled)
	}
	reason := ErrNotEnoughShares
	if p.Quantity >= q {
		reason = ErrNotEnoughSellable
		text += fmt.Sprintf(", %d sellable", a.Sellable(id, at))
	}
	return fmt.Errorf("%w: %s, %d asked", reason, text, q)
}

// refusal refuses a quantity, with the rule.
func (l Lots) refusal(q Quantity) error {
	minimum, step := max(l.Minimum, 1), max(l.Step, 1)
	rule := fmt.Sprintf("a multiple of %d", step)
	switch {
	case step == 1:
		rule = fmt.Sprintf("at least %d", minimum)
	case step != minimum:
		rule = fmt.Sprintf("%d, or more by a multiple of %d", minimum, step)
	}
	return fmt.Errorf("%w: %d asked, it must be %s", ErrBadLot, q, rule)
}
