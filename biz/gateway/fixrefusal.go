package gateway

import (
	"errors"
	"fmt"

	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// fixRefusal is an error with its values of OrdRejReason (103) and CxlRejReason (102).
type fixRefusal struct {
	order, cancel int64
	text          string
}

func (r *fixRefusal) Error() string { return r.text }

func refusedAs(order, cancel int64, text string) error { return &fixRefusal{order, cancel, text} }

// Errors of FIX requests alone.
var (
	errRevoked    = errors.New("gateway: " + loginRevoked)
	errNotTrader  = refusedAs(brokersOption, cancelBroker, "changing orders needs "+trade.needs())
	errMassCancel = refusedAs(other, other, "MassCancelRequestType (530) must be 1 (of a security) or 7 (all orders)")
)

// Values of OrdRejReason and CxlRejReason.
const (
	brokersOption   = 0
	unknownSymbol   = 1
	exchangeClosed  = 2
	exceedsLimit    = 3
	tooLateToEnter  = 4
	unknownOrder    = 5
	duplicateOrder  = 6
	unsupported     = 11
	wrongQuantity   = 13
	unknownAccount  = 15
	other           = 99
	cancelTooLate   = 0
	cancelUnknown   = 1
	cancelBroker    = 2
	cancelPending   = 3
	cancelDuplicate = 6
)

// fixReasons are the values for the reasons of the protocol. The hint says what to do, where the text of
// the refusal does not.
var fixReasons = map[pb.Reason]struct {
	order, cancel int64
	hint          string
}{
	pb.Reason_REASON_UNSPECIFIED:        {other, other, ""},
	pb.Reason_REASON_UNKNOWN_INSTRUMENT: {unknownSymbol, other, ""},
	pb.Reason_REASON_NOT_ENOUGH_SHARES:  {exceedsLimit, other, ""},
	pb.Reason_REASON_NOT_ENOUGH_CASH:    {exceedsLimit, other, ""},
	pb.Reason_REASON_BAD_LOT:            {wrongQuantity, other, ""},
	pb.Reason_REASON_BAD_PRICE:          {other, other, "look at Price (44) and StopPx (99)"},
	pb.Reason_REASON_BAD_QUANTITY:       {wrongQuantity, other, "OrderQty (38) must be more than 0"},
	pb.Reason_REASON_BAD_SIDE:           {unsupported, other, "Side (54) must be 1 (buy) or 2 (sell)"},
	pb.Reason_REASON_TOO_LARGE:          {exceedsLimit, other, ""},
	pb.Reason_REASON_UNKNOWN_EXECUTION:  {other, other, ""},
	pb.Reason_REASON_BUST_BLOCKED:       {other, other, ""},
	pb.Reason_REASON_BAD_CLIENT_ORDER_ID: {
		other, other, fmt.Sprintf("ClOrdID (11) must have 1 to %d bytes of UTF-8 without NUL", ledger.ClientOrderIDSize),
	},
	pb.Reason_REASON_TOO_MANY_POSITIONS:        {exceedsLimit, other, ""},
	pb.Reason_REASON_BAD_BUST_REASON:           {other, other, ""},
	pb.Reason_REASON_HISTORY_RESET:             {other, other, ""},
	pb.Reason_REASON_NOT_ENOUGH_SELLABLE:       {exceedsLimit, other, ""},
	pb.Reason_REASON_BAD_TICK:                  {other, other, ""},
	pb.Reason_REASON_OUTSIDE_BAND:              {other, other, ""},
	pb.Reason_REASON_MARKET_CLOSED:             {exchangeClosed, other, ""},
	pb.Reason_REASON_HALTED:                    {exchangeClosed, other, "send the order again when trading resumes"},
	pb.Reason_REASON_BAD_ORDER_TYPE:            {unsupported, other, "OrdType (40) must be 1, 2, 3 or 4"},
	pb.Reason_REASON_BAD_TIME_IN_FORCE:         {unsupported, other, "with OrdType (40) 1 (market) TimeInForce (59) must be 0, 3 or 4, with a stop 0, 1 or 6, in a replacement 0, 1 or 6"},
	pb.Reason_REASON_BAD_EXPIRY:                {other, other, "look at ExpireTime (126) or ExpireDate (432)"},
	pb.Reason_REASON_TOO_MANY_ORDERS:           {exceedsLimit, other, "cancel some"},
	pb.Reason_REASON_TOO_MANY_CLIENT_ORDER_IDS: {exceedsLimit, other, ""},
	pb.Reason_REASON_UNKNOWN_ORDER:             {unknownOrder, cancelUnknown, "no order has this ClOrdID or OrderID (37)"},
	pb.Reason_REASON_TOO_LATE:                  {tooLateToEnter, cancelTooLate, ""},
	pb.Reason_REASON_CANCEL_PENDING:            {other, cancelPending, ""},
	pb.Reason_REASON_BEFORE_RESET:              {other, other, ""},
	pb.Reason_REASON_BUSTED:                    {other, other, ""},
	pb.Reason_REASON_OVERFILLED:                {other, other, ""},
	pb.Reason_REASON_BAD_AMOUNT:                {other, other, ""},
	pb.Reason_REASON_SIMULATED:                 {brokersOption, cancelBroker, ""},
	pb.Reason_REASON_BAD_DIRECTIVE:             {other, other, ""},
	pb.Reason_REASON_NOT_STEPPED:               {other, other, ""},
	pb.Reason_REASON_UNKNOWN_CUSTOMER:          {other, other, ""},
	pb.Reason_REASON_BAD_SEED:                  {other, other, ""},
}

// refusedBy returns OrdRejReason, CxlRejReason and Text for an error. The text has nothing that was not
// made for clients.
func refusedBy(err error) (order, cancel int64, text string) {
	var own *fixRefusal
	if errors.As(err, &own) {
		return own.order, own.cancel, own.text
	}
	if errors.Is(err, ledger.ErrDuplicate) {
		return duplicateOrder, cancelDuplicate, "the ClOrdID (11) was used before: send another one"
	}
	_, body := refusal(err)
	if !isRefusal(err) { // nothing is wrong with the order
		return brokersOption, cancelBroker, body.Message
	}
	r := fixReasons[body.Reason]
	text = body.Message
	if short := ledger.Refusal(body.Reason); r.hint != "" && text == short.Error() {
		text += ": " + r.hint
	}
	return r.order, r.cancel, text
}
