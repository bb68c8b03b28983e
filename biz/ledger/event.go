package ledger

// Kind says what an event is.
type Kind uint8

// The kinds of event.
const (
	KindFill     Kind = 1  // an execution; often the first event of its order
	KindBust     Kind = 2  // an execution was taken back
	KindAccept   Kind = 3  // an order rests
	KindCancel   Kind = 4  // an order was cancelled
	KindExpire   Kind = 5  // an order has expired
	KindReplace  Kind = 6  // an order has other terms
	KindTrigger  Kind = 7  // the stop price of an order was reached
	KindCorrect  Kind = 8  // an execution was replaced by another one
	KindDeposit  Kind = 9  // cash was added
	KindWithdraw Kind = 10 // cash was taken out
	KindReset    Kind = 11 // the account is as when it was opened
)

// HasOrder reports whether the event changes an order.
func (k Kind) HasOrder() bool { return k <= KindCorrect }

// HasExecution reports whether the event has an execution and changes a position.
func (k Kind) HasExecution() bool { return k == KindFill || k == KindBust || k == KindCorrect }

// Execution is a trade of an account.
type Execution struct {
	ID    ExecutionID
	Order OrderID
	// Time is the time of the trade, in nanoseconds since the Unix epoch.
	Time     int64
	Quantity Quantity
	Price    Price
	// Cost is the cost of the shares sold; 0 for a buy. A bust of an earlier execution does
	// not change it.
	Cost Money
	Fee  Money
	// Settlement is when the shares of a buy can be sold, or the proceeds of a sell be
	// spent; 0: at once.
	Settlement int64
	// Corrects is the number of the execution that this one replaces, Place that of the
	// first in a chain of corrections: they mean the same trade. Both are 0 if this
	// one corrects none.
	Corrects      uint32
	Place         uint32
	Instrument    InstrumentID
	ClientOrderID ClientOrderID
	Side          Side
	// FeeInCost means that the fee is a part of the position's cost.
	FeeInCost bool
}

// FoldPlace returns the number that orders executions for a fold.
func (x *Execution) FoldPlace() uint32 {
	if x.Place != 0 {
		return x.Place
	}
	return x.ID.Number()
}

// Event is something that has happened to an account. Which fields it has depends on Kind.
type Event struct {
	// Number counts the account's events from 1.
	Number uint64
	// Push is the number of its first push; it has Pushes of them.
	Push uint64
	Time int64
	// Order is the order after the event.
	Order Order
	// Execution is the new execution; for a bust the busted one.
	Execution Execution
	// Position is the position after the event; Quantity is 0 if it is closed.
	Position Position
	// Amount is what the event adds to the cash. It is redundant for a fill.
	Amount Money
	// FeeChange is what a bust or a correction adds to the account's fees, QuantityChange what
	// a correction adds to the quantity of the execution.
	FeeChange      Money
	QuantityChange Quantity
	// Text is the reason of a bust or correction, or the comment of a deposit, withdrawal or
	// reset; see ValidReason.
	Text string
	// Rows is how many positions the account has after the event.
	Rows uint32
	Kind Kind
	// Change is what happened to the position.
	Change Change
	Cause  Cause
	// More means that the next event belongs to the same command.
	More bool
	// Named means that the event is the first one of its order, or changes its client order
	// id.
	Named bool
	// Early means that a release without orders has written the event. Then it has no push
	// for its order.
	Early bool
	// Simple means that the order follows from the execution (SimpleOrder): a market order
	// that is filled wholly by it. Early events are not simple.
	Simple bool
}

// Customer returns whose event it is.
func (e *Event) Customer() Customer { return e.Order.ID.Customer() }

// Pushes returns how many pushes the event has.
//
//	fill            execution, position, order; without the order if it is simple
//	bust            bust, position, order
//	correction      bust, execution, position, order
//	other orders    order
//	cash, reset     account
func (e *Event) Pushes() uint64 {
	switch {
	case e.Early || e.Simple:
		return 2
	case e.Kind == KindCorrect:
		return 4
	case e.Kind.HasExecution():
		return 3
	}
	return 1
}

// LastPush returns the number of the event's last push.
func (e *Event) LastPush() uint64 { return e.Push + e.Pushes() - 1 }

// CashFlow returns what an execution adds to the cash: the proceeds minus the fee, or the
// price and the fee as a negative amount.
func (x *Execution) CashFlow() Money {
	value, _ := Value(x.Quantity, x.Price) // of an execution it fits
	if x.Side == Buy {
		return -value - x.Fee
	}
	return value - x.Fee
}

// feeApart returns the part of the fee that is in no cost and in no profit.
func (x *Execution) feeApart() Money {
	if x.Side == Buy && !x.FeeInCost {
		return x.Fee
	}
	return 0
}
