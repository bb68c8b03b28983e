package history

// Filter selects executions or orders. The zero value selects all.
type Filter struct {
	// ByInstrument selects only those in Instrument.
	ByInstrument bool
	Instrument   uint32
	// Side is Buy or Sell; 0 selects both.
	Side uint8
	// From and To are Unix nanoseconds: From <= Time < To. 0 is no bound. The time of an order
	// is when it was accepted.
	From, To int64
	// Busted selects executions: StateAll, StateStanding or StateBusted. Orders ignore it.
	Busted uint8
	// Statuses selects orders: bit 1<<Status for each status; 0 selects all. Executions ignore
	// it.
	Statuses uint32
}

// The values of Filter.Busted.
const (
	StateAll      uint8 = 0
	StateStanding uint8 = 1 // neither busted nor corrected
	StateBusted   uint8 = 2 // busted or corrected
)

func (f *Filter) common(instrument uint32, side uint8, time int64) bool {
	return (!f.ByInstrument || instrument == f.Instrument) && (f.Side == 0 || side == f.Side) &&
		(f.From == 0 || time >= f.From) && (f.To == 0 || time < f.To)
}

func (f *Filter) matches(e *Execution) bool {
	return f.common(e.Instrument, e.Side, e.Time) && (f.Busted == StateAll || e.Busted == (f.Busted == StateBusted))
}

func (f *Filter) matchesOrder(o *Order) bool {
	return f.common(o.Instrument, o.Side, o.Time) && (f.Statuses == 0 || f.Statuses&(1<<o.Status) != 0)
}
