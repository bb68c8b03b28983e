package ledger

// Order is the command to trade at once at a given price.
type Order struct {
	ClientOrderID ClientOrderID
	Side          Side
	Instrument    InstrumentID
	Quantity      Quantity
	// Price is the price of the execution, decided by the caller.
	Price Price
	// Lot is the instrument's lot size; 0 and 1 allow any quantity.
	Lot Quantity
	// Time is when, in nanoseconds since the Unix epoch.
	Time int64
}

// check refuses what is wrong whatever the account holds.
func (o *Order) check() error {
	switch {
	case o.Side != Buy && o.Side != Sell:
		return ErrBadSide
	case o.Quantity <= 0:
		return ErrBadQuantity
	case o.Price <= 0:
		return ErrBadPrice
	case o.Lot > 1 && o.Quantity%o.Lot != 0:
		return ErrBadLot
	}
	return nil
}

// MaxReason is the most bytes of a bust's reason.
const MaxReason = 120

// Bust is the command to take an execution back.
type Bust struct {
	// Execution is the one to bust with all its fields, since the account may
	// no longer have it in memory.
	Execution Execution
	// Reason is for people; at most MaxReason bytes.
	Reason string
	// Time is when, in nanoseconds since the Unix epoch.
	Time int64
}

// Busted is what an account keeps of a bust.
type Busted struct {
	// Number is the bust's event number.
	Number uint64
	Time   int64
	Reason string
}
