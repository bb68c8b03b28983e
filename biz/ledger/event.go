package ledger

// Kind says what an event is.
type Kind uint8

// The kinds of event.
const (
	KindFill Kind = 1
	KindBust Kind = 2
)

// Execution is a trade of an account.
type Execution struct {
	ID    ExecutionID
	Order OrderID
	// Time is the time of the trade, in nanoseconds since the Unix epoch.
	Time     int64
	Quantity Quantity
	Price    Price
	// Cost is the cost of the shares sold; 0 for a buy.
	Cost          Money
	Instrument    InstrumentID
	ClientOrderID ClientOrderID
	Side          Side
}

// Event is a fill, or the bust of an execution. It has no pointers, so that the garbage
// collector does not scan the events in memory; the reason of a bust is therefore passed
// separately.
type Event struct {
	// Number counts the account's events from 1.
	Number uint64
	// Time is the time of the fill or of the bust.
	Time int64
	// Execution is the new execution, or the busted one.
	Execution Execution
	// Position is the position after the event; Quantity is 0 if it is closed.
	Position Position
	// Rows is how many positions the account has after the event.
	Rows   uint32
	Kind   Kind
	Change Change
}

// Customer returns whose event it is.
func (e *Event) Customer() Customer { return e.Execution.ID.Customer() }

// digest folds the inputs of an event into h; all other fields follow from them. id is the
// hash of the client order id.
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

// tag returns the tag of the event in the index, 0 for a bust.
func (e *Event) tag(id uint64) tag {
	if e.Kind != KindFill {
		return 0
	}
	return e.Execution.ClientOrderID.tagOf(id)
}
