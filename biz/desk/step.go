package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// overloadPause is how long a price step waits while too much waits for the disk.
const overloadPause = time.Millisecond

// SetPrice moves the last price of an instrument: a price step. Resting orders that the price
// reaches are executed, stop orders triggered, in the order of price and time, with now as
// their time. Nothing is skipped: while too much waits for the disk, SetPrice waits. While the
// instrument is halted or its market closed, only the price moves.
//
// It returns when all orders were executed in memory. Errors are those of Desk.Accepting,
// and the end of ctx; then some orders still wait for a later step. It does nothing if the
// id has no instrument that can be traded: ledger.ErrUnknownInstrument.
//
// Goroutine: any; steps are made one after the other. It takes the locks of accounts.
func (d *Desk) SetPrice(ctx context.Context, id ledger.InstrumentID, p ledger.Price, now int64) error {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	if d.config.Moved != nil && d.orderBook(id) != nil {
		d.moved(MarketEvent{Kind: MarketMoved, Time: now, Prices: []InstrumentPrice{{id, p}}})
	}
	return d.step(ctx, id, p, now)
}

// step is SetPrice for a caller that holds d.stepping.
func (d *Desk) step(ctx context.Context, id ledger.InstrumentID, p ledger.Price, now int64) error {
	ob := d.orderBook(id)
	if ob == nil {
		return ledger.ErrUnknownInstrument
	}
	d.market.SetLast(id, p)
	d.prices.mark(id)
	ob.mu.Lock()
	ob.book.Step(p, d.market.Limits(id))
	d.matches = d.matches[:0]
	if d.tradable(id, now) == nil {
		d.matches = ob.book.Match(d.matches)
	}
	ob.mu.Unlock()
	return d.applyMatches(ctx, now)
}

// stepAgain makes a price step at the last price for those of the instruments that have working
// orders. The caller holds d.stepping.
func (d *Desk) stepAgain(ctx context.Context, ids []ledger.InstrumentID, now int64) error {
	for _, id := range ids {
		ob := d.orderBook(id)
		if ob == nil {
			continue // new, and not traded yet
		}
		ob.mu.Lock()
		orders := ob.book.Len()
		ob.mu.Unlock()
		if orders == 0 {
			continue
		}
		if err := d.step(ctx, id, d.market.Last(id), now); err != nil {
			return err
		}
	}
	return nil
}

// keptMatches is how many matches the memory of a step has at most between steps.
const keptMatches = 4096

func (d *Desk) applyMatches(ctx context.Context, now int64) error {
	defer func() {
		if cap(d.matches) > keptMatches {
			d.matches = nil
		}
	}()
	for left := d.matches; len(left) > 0; {
		n := 1
		for n < len(left) && left[n].Order == left[0].Order {
			n++
		}
		err := d.inTurnOf(ctx, left[0].Order.Customer(), func(t *Turn) error { return t.match(left[:n], now) })
		if err != nil && !isRefusal(err) {
			d.restore(left)
			return err
		}
		left = left[n:]
	}
	return nil
}

// inTurnOf makes a turn of a customer's account. The caller holds d.stepping.
func (d *Desk) inTurnOf(ctx context.Context, c ledger.Customer, do func(*Turn) error) error {
	a := d.Account(c)
	if a == nil {
		return ledger.ErrUnknownCustomer
	}
	var applied error
	err := d.InTurn(ctx, a, d.stepTurn, func(t *Turn) { applied = do(t) })
	return errors.Join(err, applied)
}

// InTurn is Account.Do, except that it waits while too much waits for the disk. The error is
// the end of ctx, or ErrUnavailable.
func (d *Desk) InTurn(ctx context.Context, a *Account, t *Turn, do func(*Turn)) error {
	for {
		if err := a.Do(t, do); !errors.Is(err, ErrOverloaded) {
			return err
		}
		if err := d.Failed(); err != nil {
			return errors.Join(ErrUnavailable, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(overloadPause):
		}
	}
}

// restore puts the orders of matches that are not applied back into their queues.
func (d *Desk) restore(left []market.Match) {
	for i := range left {
		a := d.Account(left[i].Order.Customer())
		a.mu.Lock()
		if o := a.ledger.Order(left[i].Order); o != nil {
			d.stepTurn.putOrder(o)
		}
		a.mu.Unlock()
	}
}

// NextExpiry returns when the next working order expires, in nanoseconds since the Unix
// epoch; ok is false if none does.
func (d *Desk) NextExpiry() (at int64, ok bool) {
	d.expiriesUse.Lock()
	defer d.expiriesUse.Unlock()
	at, _, ok = d.expiries.Next()
	return at, ok
}

// ExpireDue ends the working orders that expire at now or before, each at its time. Errors
// are those of SetPrice.
func (d *Desk) ExpireDue(ctx context.Context, now int64) error {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	for {
		d.expiriesUse.Lock()
		at, id, ok := d.expiries.Next()
		d.expiriesUse.Unlock()
		if !ok || at > now {
			return nil
		}
		err := d.inTurnOf(ctx, id.Customer(), func(t *Turn) error {
			o := t.account.ledger.Order(id)
			if o == nil || o.Expires == 0 || o.Expires > now {
				return nil // it has changed since
			}
			_, err := t.Expire(id, o.Expires)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// tradable returns why an instrument can't be traded at a time, or nil.
func (d *Desk) tradable(id ledger.InstrumentID, now int64) error {
	if d.market.Halted(id) {
		return ledger.ErrHalted
	}
	if phase := d.market.Phase(id, now); !phase.Open {
		return ledger.ErrMarketClosed
	}
	return nil
}

// prepareOrder refuses an order that the market does not take now, and sets what the market
// decides: when the order expires, and its terms.
func (d *Desk) prepareOrder(i *market.Instrument, o *ledger.NewOrder) error {
	if o.Held && !o.TimeInForce.Rests() {
		return fmt.Errorf("%w: an order that is executed at once can't wait for an operator", ledger.ErrBadTimeInForce)
	}
	if d.market.Halted(i.ID) {
		return ledger.ErrHalted
	}
	now := o.Terms.Time
	if i.Rules.Hours != nil {
		if phase := i.Rules.Phase(now); !phase.Open {
			return fmt.Errorf("%w: %s opens at %s", ledger.ErrMarketClosed, i.Market, i.Rules.Local(phase.NextOpen))
		}
	}
	if o.Type != ledger.Market || o.Held {
		if err := d.checkPrices(i, o); err != nil {
			return err
		}
		if o.TimeInForce == ledger.Day {
			o.Expires = i.Rules.Phase(now).Close
		}
	}
	if o.Type == ledger.Market && !o.Held || o.TimeInForce != ledger.Day && o.TimeInForce != ledger.GoodTillDate {
		o.Expires = 0
	}
	i.SetTerms(&o.Terms, now, 0, 0)
	if o.Price == 0 && o.Type != ledger.Market || o.Held { // it may wait without a limit
		o.Terms.Reserve = d.terms(i.ID, now).Reserve
	}
	return nil
}

// checkPrices refuses prices that the market does not take.
func (d *Desk) checkPrices(i *market.Instrument, o *ledger.NewOrder) error {
	limits := d.market.Limits(i.ID)
	for _, p := range [...]ledger.Price{o.Price, o.Stop} {
		switch {
		case p <= 0 || p > ledger.MaxPrice: // the ledger refuses it where it must not be
		case p%i.Tick != 0:
			return fmt.Errorf("%w: %s is not a multiple of the tick %s", ledger.ErrBadTick, p, i.Tick)
		case p < limits.Low || p > limits.High:
			return fmt.Errorf("%w: %s is not between %s and %s", ledger.ErrOutsideBand, p, limits.Low, limits.High)
		}
	}
	return nil
}

// terms returns the rules of an instrument's market for a command.
func (d *Desk) terms(id ledger.InstrumentID, now int64) ledger.Terms {
	return d.market.Terms(id, now)
}

// termsOf returns the terms for a command on a working order.
func (d *Desk) termsOf(o *ledger.Order, now int64) ledger.Terms {
	t := d.terms(o.Instrument, now)
	t.Priority = o.Priority
	return t
}
