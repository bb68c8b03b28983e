package ledger

// Kind says what an event is.
type Kind uint8

// The kinds of event.
const (
	KindFill Kind = 1
	KindBust Kind = 2
)

// Execution is a trade that was done.
type Execution struct {
	ID    ExecutionID
	Order OrderID
	// Time is when it was done, in nanoseconds since the Unix epoch.
	Time     int64
	Quantity Quantity
	Price    Price
	// Cost is the part of the position's cost that a sell took with it; 0 for a
	// buy.
	Cost          Money
	Instrument    InstrumentID
	ClientOrderID ClientOrderID
	Side          Side
}

// Event is what an account decided: a fill, or the bust of an execution. It has
// no pointers, so that memory full of events costs the garbage collector nothing;
// the reason of a bust therefore travels beside it.
type Event struct {
	// Number counts the account's events from 1.
	Number uint64
	// Time is when the account decided: the execution's time, or the bust's.
	Time int64
	// Execution is the new one, or the one that is busted.
	Execution Execution
	// Position is the one after the event; Quantity 0 when the row is gone.
	Position Position
	// Rows is how many positions the account has after the event.
	Rows   uint32
	Kind   Kind
	Change Change
}

// Customer returns whose event it is.
func (e *Event) Customer() Customer { return e.Execution.ID.Customer() }

// digest folds the inputs of an event, from which the rest follows, into h. id is
// the hash of the client order id.
func (e *Event) digest(h, id uint64, reason string) uint64 {
	x := &e.Execution
	h = fold(h, uint64(e.Kind)|uint64(x.Side)<<8|uint64(x.Instrument)<<16)
	h = fold(h, uint64(x.ID))
	h = fold(h, uint64(x.Order))
	h = fold(h, uint64(e.Time))
	h = fold(h, uint64(x.Quantity))
	h = fold(h, uint64(x.Price))
	h = fold(h, id)
	for i := range len(reason) {
		h = fold(h, uint64(reason[i]))
	}
	return h
}

// tag is what the event is found by in the index: nothing for a bust.
func (e *Event) tag(id uint64) tag {
	if e.Kind != KindFill {
		return 0
	}
	return e.Execution.ClientOrderID.tagOf(id)
}
