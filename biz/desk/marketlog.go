package desk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// MarketEventKind says what has happened to the market.
type MarketEventKind uint8

// The kinds of market event.
const (
	MarketHalted  MarketEventKind = 1
	MarketResumed MarketEventKind = 2
	MarketPriced  MarketEventKind = 3 // the last price, where it is not that of the last execution
	MarketClosed  MarketEventKind = 4 // the price is the close of a trading day

	// No journal has these; they are for desks that follow: see Config.Moved.
	MarketMoved  MarketEventKind = 5 // the last price, moved by SetPrice
	MarketOpened MarketEventKind = 6 // a session opens
)

// MarketEvent is something that has happened to instruments and that a restart must not
// forget. The moves of the random walk are no such events.
type MarketEvent struct {
	Kind   MarketEventKind
	Time   int64 // Unix nanoseconds
	Prices []InstrumentPrice
}

// InstrumentPrice is an instrument and its price; 0 where the kind has no price.
type InstrumentPrice struct {
	Instrument ledger.InstrumentID
	Price      ledger.Price
}

// pricesPerRecord is the most instruments of one record: some 40 KB.
const pricesPerRecord = 4096

func (m *MarketEvent) append(dst []byte) []byte {
	dst = append(dst, byte(m.Kind))
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.Time))
	for _, p := range m.Prices {
		dst = appendUint(appendUint(dst, p.Instrument), p.Price)
	}
	return dst
}

func (f *fields) marketEvent() *MarketEvent {
	m := &MarketEvent{Kind: MarketEventKind(f.bytes(1)[0]), Time: int64(binary.BigEndian.Uint64(f.bytes(8)))}
	for len(f.b) > 0 {
		m.Prices = append(m.Prices, InstrumentPrice{
			ledger.InstrumentID(f.upTo(maxListings)), ledger.Price(f.upTo(uint64(ledger.MaxPrice))),
		})
	}
	if m.Kind < MarketHalted || m.Kind > MarketClosed || len(m.Prices) == 0 {
		f.fail()
	}
	return m
}

// applyMarket makes the market as it is after an event.
func (d *Desk) applyMarket(m *MarketEvent) {
	d.newest.Store(max(d.newest.Load(), m.Time)) // one at a time
	for _, p := range m.Prices {
		if int(p.Instrument) >= d.market.Len() {
			continue // the definition of the instrument is missing: the events say so
		}
		switch m.Kind {
		case MarketHalted, MarketResumed:
			d.market.SetHalted(p.Instrument, m.Kind == MarketHalted)
		case MarketClosed:
			d.market.SetPreviousClose(p.Instrument, p.Price, m.Time)
		case MarketPriced: // the caller of a running desk makes a price step
			d.pricedAt[p.Instrument] = m.Time
		case MarketMoved, MarketOpened: // no journal has them
		}
	}
}

// changeMarket applies a market event and then adds it to the journal, so that a checkpoint never
// lacks an event of an earlier batch, in one batch with what it reaches of a script. durable
// waits for it; the error is that of Desk.Durable. The caller holds d.stepping, so that memory
// and journal have the same order.
func (d *Desk) changeMarket(m MarketEvent, reached ...ScriptPosition) (durable func(context.Context) error) {
	d.applyMarket(&m)
	if d.group == nil {
		return func(context.Context) error { return nil }
	}
	var entries []Entry
	for chunk := range slices.Chunk(m.Prices, pricesPerRecord) {
		part := m
		part.Prices = chunk
		entries = append(entries, Entry{Market: &part})
	}
	for n := range reached {
		entries = append(entries, Entry{Script: &reached[n]})
	}
	return d.group.add(entries)
}

// Halt halts instruments, or lets them be traded again. Working orders stay; a resumption is a
// price step at the last price. Errors are those of SetPrice and Durable.
//
// Goroutine: any. It returns when that is durable.
func (d *Desk) Halt(ctx context.Context, ids []ledger.InstrumentID, halted bool, now int64) error {
	if err := d.Accepting(); err != nil || len(ids) == 0 {
		return err
	}
	m := MarketEvent{Kind: MarketResumed, Time: now}
	if halted {
		m.Kind = MarketHalted
	}
	for _, id := range ids {
		m.Prices = append(m.Prices, InstrumentPrice{Instrument: id})
	}
	durable, err := d.recordHalt(ctx, m, ids)
	for _, id := range ids {
		d.prices.mark(id)
	}
	return errors.Join(err, durable(ctx))
}

func (d *Desk) recordHalt(ctx context.Context, m MarketEvent, ids []ledger.InstrumentID) (durable func(context.Context) error, err error) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	ids = slices.DeleteFunc(slices.Clone(ids), func(id ledger.InstrumentID) bool { return !d.market.Halted(id) })
	durable = d.changeMarket(m)
	d.moved(m)
	if m.Kind == MarketResumed { // wholly: no other step comes before the price moves
		err = d.stepAgain(context.WithoutCancel(ctx), ids, m.Time)
	}
	return durable, err
}

// Jump moves the last price as SetPrice does, and makes the price durable, in one piece with what
// it reaches of a script.
func (d *Desk) Jump(ctx context.Context, id ledger.InstrumentID, p ledger.Price, now int64, reached ...ScriptPosition) error {
	if err := d.Accepting(); err != nil {
		return err
	}
	switch i := d.market.At(id); {
	case i == nil:
		return ledger.ErrUnknownInstrument
	case p <= 0 || p > ledger.MaxPrice || p%i.Tick != 0:
		return fmt.Errorf("%w: %s is not a positive multiple of the tick %s", ledger.ErrBadTick, p, i.Tick)
	}
	durable, err := d.recordJump(ctx, id, p, now, reached)
	if err != nil {
		return err
	}
	return durable(ctx)
}

func (d *Desk) recordJump(
	ctx context.Context, id ledger.InstrumentID, p ledger.Price, now int64, reached []ScriptPosition,
) (durable func(context.Context) error, err error) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	if err := d.step(context.WithoutCancel(ctx), id, p, now); err != nil { // wholly
		return nil, err
	}
	m := MarketEvent{Kind: MarketPriced, Time: now, Prices: []InstrumentPrice{{id, p}}}
	d.moved(m)
	return d.changeMarket(m, reached...), nil
}

// CloseDay makes the last prices of a market's instruments the previous close, on which the
// price band of the next day depends. It does nothing for a market without a band. Errors are
// those of Desk.Durable.
func (d *Desk) CloseDay(ctx context.Context, rules *market.Rules, now int64) error {
	if rules.Band == 0 {
		return nil
	}
	return d.recordClose(rules, now)(ctx)
}

// OpenSession makes a price step at the last price for the instruments of a market that have
// working orders: the price may have reached them while the market was closed, or before a
// restart. Errors are those of SetPrice.
func (d *Desk) OpenSession(ctx context.Context, rules *market.Rules, now int64) error {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	ids := d.instrumentsOf(rules)
	if d.config.Moved != nil {
		m := MarketEvent{Kind: MarketOpened, Time: now}
		for _, id := range ids {
			m.Prices = append(m.Prices, InstrumentPrice{Instrument: id})
		}
		d.moved(m)
	}
	return d.stepAgain(ctx, ids, now)
}

// instrumentsOf returns the instruments of a market that can be traded.
func (d *Desk) instrumentsOf(rules *market.Rules) (ids []ledger.InstrumentID) {
	for n := range len(*d.orderBooks.Load()) {
		if id := ledger.InstrumentID(n); d.market.At(id).Rules == rules {
			ids = append(ids, id)
		}
	}
	return ids
}

// ClosedAt returns the newest CloseDay of a market, or 0.
func (d *Desk) ClosedAt(rules *market.Rules) (newest int64) {
	for n := range d.market.Len() {
		if id := ledger.InstrumentID(n); d.market.At(id).Rules == rules {
			_, at := d.market.PreviousClose(id)
			newest = max(newest, at)
		}
	}
	return newest
}

func (d *Desk) recordClose(rules *market.Rules, now int64) (durable func(context.Context) error) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	m := MarketEvent{Kind: MarketClosed, Time: now}
	for _, id := range d.instrumentsOf(rules) {
		m.Prices = append(m.Prices, InstrumentPrice{id, d.market.Last(id)})
	}
	d.moved(m)
	return d.applyClose(m)
}

// applyClose applies and records a close of instruments that can be traded. The caller holds
// d.stepping.
func (d *Desk) applyClose(m MarketEvent) (durable func(context.Context) error) {
	durable = d.changeMarket(m)
	for _, p := range m.Prices {
		ob := d.orderBook(p.Instrument)
		ob.mu.Lock()
		ob.book.SetLimits(d.market.Limits(p.Instrument))
		ob.mu.Unlock()
	}
	return durable
}
