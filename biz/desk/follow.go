package desk

import (
	"context"
	"errors"
	"slices"

	"holdfast/biz/ledger"
)

// moved reports what has happened to the market to Config.Moved. The caller holds d.stepping.
func (d *Desk) moved(m MarketEvent) {
	if d.config.Moved != nil {
		d.config.Moved(m)
	}
}

// Follow does what has happened to the market of another desk: it moves the prices and executes
// the working orders that they reach, halts, resumes, closes days and opens sessions, at the time
// of the event. The prices of a close are those of the other desk. What has been done before has no
// effect, except that the same price again is a price step. Instruments that this desk does not have
// are left out.
//
// Halts and closes go to the journal; Follow does not wait until that is durable. Errors are those of
// SetPrice; then Follow can be called again.
//
// Goroutine: any, one event after the other.
func (d *Desk) Follow(ctx context.Context, m MarketEvent) error {
	if err := d.Failed(); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	d.stepping.Lock()
	defer d.stepping.Unlock()
	m.Prices = slices.DeleteFunc(slices.Clone(m.Prices), func(p InstrumentPrice) bool {
		return d.orderBook(p.Instrument) == nil || d.isDone(&m, p)
	})
	if len(m.Prices) == 0 {
		return nil
	}
	var again []ledger.InstrumentID
	switch m.Kind {
	case MarketMoved, MarketPriced:
		for _, p := range m.Prices {
			if err := d.step(ctx, p.Instrument, p.Price, m.Time); err != nil {
				return err
			}
		}
		return nil
	case MarketHalted, MarketResumed:
		d.changeMarket(m)
		for _, p := range m.Prices {
			d.prices.mark(p.Instrument)
			if m.Kind == MarketResumed {
				again = append(again, p.Instrument)
			}
		}
	case MarketClosed:
		d.applyClose(m)
	case MarketOpened:
		for _, p := range m.Prices {
			again = append(again, p.Instrument)
		}
	}
	return d.stepAgain(context.WithoutCancel(ctx), again, m.Time)
}

// isDone reports whether an event has no effect on an instrument.
func (d *Desk) isDone(m *MarketEvent, p InstrumentPrice) bool {
	switch m.Kind {
	case MarketHalted, MarketResumed:
		return d.market.Halted(p.Instrument) == (m.Kind == MarketHalted)
	case MarketClosed:
		price, at := d.market.PreviousClose(p.Instrument)
		return price == p.Price && at == m.Time
	case MarketMoved, MarketPriced, MarketOpened:
	}
	return false
}

// PricedAt returns the time of the newest price of an instrument that the journal has by itself, not
// by an execution; 0: none that this run knows.
func (d *Desk) PricedAt(id ledger.InstrumentID) int64 {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	return d.pricedAt[id]
}
