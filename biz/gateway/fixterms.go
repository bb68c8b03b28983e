package gateway

import (
	"bytes"
	"fmt"
	"strconv"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

// decimals is how many digits prices and amounts have after the point.
const decimals = 4

// fixOrder returns the order of a NewOrderSingle. Errors are for rejectOrder.
func (g *Gateway) fixOrder(a *account, m *codecfix.Message, now int64) (o ledger.NewOrder, err error) {
	if err := a.checkAccount(m); err != nil {
		return o, err
	}
	if o.Instrument, err = g.fixInstrument(m); err != nil {
		return o, err
	}
	o.Side, o.Type, o.TimeInForce = fixSide(m), fixType(m), ledger.Day
	switch {
	case o.Side == 0:
		return o, badSide
	case o.Type == 0:
		return o, refusedAs(unsupported, other, "OrdType (40) must be 1 (market), 2 (limit), 3 (stop) or 4 (stop limit)")
	}
	if err := g.setFIXTerms(&o, m); err != nil {
		return o, err
	}
	name, _ := m.Get(codecfix.ClOrdID)
	o.ClientOrderID, err = ledger.ParseClientOrderID(name)
	o.Terms.Time = now
	return o, err
}

var badSide = refusedAs(unsupported, other, "Side (54) must be 1 (buy) or 2 (sell)")

// checkAccount refuses a message with another Account (1) than that of the customer.
func (a *account) checkAccount(m *codecfix.Message) error {
	v, ok := m.Get(tagAccount)
	if !ok {
		return nil
	}
	if own := strconv.Itoa(int(a.Customer())); string(v) != own {
		return refusedAs(unknownAccount, other, "Account (1) must be "+own+", or left out")
	}
	return nil
}

// parseOrderID returns the id of an order as the reports have it in OrderID.
func parseOrderID(v []byte) (id ledger.OrderID, ok bool) {
	customer, number, _ := bytes.Cut(v, []byte("-"))
	c, err := strconv.ParseUint(string(customer), 10, 32)
	n, err2 := strconv.ParseUint(string(number), 10, 32)
	return ledger.NewOrderID(ledger.Customer(c), uint32(n)), err == nil && err2 == nil
}

// fixInstrument returns the instrument of a message: Symbol is a code with the market in
// SecurityExchange, MARKET/CODE, or a code that only one market has.
func (g *Gateway) fixInstrument(m *codecfix.Message) (id ledger.InstrumentID, err error) {
	symbol, _ := m.Get(codecfix.Symbol)
	market, found := m.Get(codecfix.SecurityExchange)
	code := symbol
	if !found {
		if market, code, found = bytes.Cut(symbol, []byte("/")); !found {
			market, code = nil, symbol
		}
	}
	if found {
		if id, found = g.market.Find(string(market), string(code)); found {
			return id, nil
		}
		return 0, fmt.Errorf("%w: Symbol (55) is a code, and SecurityExchange (207) its market", ledger.ErrUnknownInstrument)
	}
	switch id, markets := g.market.FindCode(string(code)); markets {
	case 0:
		return 0, fmt.Errorf("%w: no market has this Symbol (55)", ledger.ErrUnknownInstrument)
	case 1:
		return id, nil
	default:
		return 0, fmt.Errorf("%w: %d markets have this Symbol (55); add SecurityExchange (207)", ledger.ErrUnknownInstrument, markets)
	}
}

// Tags that only the terms of an order have.
const (
	tagAccount    = 1
	tagSettlType  = 63
	tagPriceType  = 423
	tagExpireDate = 432
	tagQtyType    = 854
)

// checkInstructions refuses what changes an order and can't be obeyed.
func (g *Gateway) checkInstructions(m *codecfix.Message) error {
	for i := range m.Fields {
		var only string
		switch f := &m.Fields[i]; f.Tag {
		default:
			continue
		case 18, 77, 110, 111, 152, 168, 192, 210, 211, 388, 389, 427, 516, 640, 847: // ExecInst, PositionEffect, MinQty, MaxFloor ...
			return refusedAs(unsupported, other, g.fixField(f.Tag)+" is not supported: leave it out")
		case tagSettlType, tagQtyType: // regular, units
			only = "0"
		case tagPriceType: // per unit
			only = "2"
		}
		if f := &m.Fields[i]; string(f.Value) != only {
			return refusedAs(unsupported, other, g.fixField(f.Tag)+" must be "+only+", or left out")
		}
	}
	return nil
}

// fixField returns how a text names a field.
func (g *Gateway) fixField(tag int) string {
	return fmt.Sprintf("%s (%d)", g.fix.checks.of(fixAccepts{}).Name(tag), tag)
}

// setFIXTerms sets quantity, prices and time in force of an order. What the message leaves out stays,
// and must then be there.
func (g *Gateway) setFIXTerms(o *ledger.NewOrder, m *codecfix.Message) error {
	err := g.checkInstructions(m)
	if _, ok := m.Get(codecfix.OrderQty); err == nil && (ok || o.Quantity == 0) {
		o.Quantity, err = fixQuantity(m)
	}
	if err == nil {
		err = g.setFIXPrice(&o.Price, m, codecfix.Price, o.Type.HasLimit())
	}
	if err == nil {
		err = g.setFIXPrice(&o.Stop, m, codecfix.StopPx, o.Type.HasStop())
	}
	if err == nil {
		err = g.setFIXTime(o, m)
	}
	return err
}

// fixQuantity returns OrderQty.
func fixQuantity(m *codecfix.Message) (ledger.Quantity, error) {
	v, ok := m.Get(codecfix.OrderQty)
	if !ok {
		return 0, refusedAs(wrongQuantity, other, "OrderQty (38) is missing: add the number of shares")
	}
	n, ok := codecfix.Decimal(v, 0)
	switch {
	case !ok && bytes.IndexByte(v, '.') < 0:
		return 0, refusedAs(wrongQuantity, other, fmt.Sprintf("OrderQty (38) is too large: at most %d", ledger.MaxQuantity))
	case !ok:
		return 0, refusedAs(wrongQuantity, other, "OrderQty (38) must be a whole number of shares")
	case n <= 0:
		return 0, refusedAs(wrongQuantity, other, "OrderQty (38) must be more than 0")
	}
	return ledger.Quantity(n), nil
}

// setFIXPrice sets a price that the type of the order has or has not.
func (g *Gateway) setFIXPrice(p *ledger.Price, m *codecfix.Message, tag int, has bool) error {
	v, there := m.Get(tag)
	n, ok := codecfix.Decimal(v, decimals)
	var wrong string
	switch {
	case there && !ok:
		wrong = fmt.Sprintf("must be a number with at most %d digits after the point, at most %s", decimals, ledger.MaxPrice)
	case !has && n != 0:
		wrong = "is not for an order of this OrdType (40): leave it out"
	case !has, !there && *p != 0:
		return nil
	case !there:
		wrong = "is missing: an order of this OrdType (40) needs it"
	case n <= 0:
		wrong = "must be more than 0"
	default:
		*p = ledger.Price(n)
		return nil
	}
	return refusedAs(other, other, g.fixField(tag)+" "+wrong)
}

// setFIXTime sets the time in force, and when the order expires.
func (g *Gateway) setFIXTime(o *ledger.NewOrder, m *codecfix.Message) error {
	if _, ok := m.Get(codecfix.TimeInForce); ok {
		if o.TimeInForce = fixTimeInForce(m); o.TimeInForce == 0 {
			return refusedAs(unsupported, other, "TimeInForce (59) must be 0 (day), 1 (good till cancel), 3 (immediate or cancel), 4 (fill or kill) or 6 (good till date)")
		}
	}
	at, hasTime := m.Get(codecfix.ExpireTime)
	date, hasDate := m.Get(tagExpireDate)
	switch {
	case o.TimeInForce != ledger.GoodTillDate && (hasTime || hasDate):
		return refusedAs(unsupported, other, "ExpireTime (126) and ExpireDate (432) need TimeInForce (59) 6 (good till date)")
	case o.TimeInForce != ledger.GoodTillDate:
		o.Expires = 0
	case hasTime:
		var ok bool
		if o.Expires, ok = codecfix.ParseTime(at); !ok {
			return errExpiresTooLate
		}
	case hasDate:
		start, ok := codecfix.ParseTime(append(bytes.Clone(date), "-00:00:00"...))
		if !ok {
			return errExpiresTooLate
		}
		day := int32(start / nanosPerDay)
		rules := g.market.At(o.Instrument).Rules
		o.Expires = min(rules.Phase(rules.Instant(day, 0)).Close, rules.Instant(day+1, 0))
	case o.Expires == 0:
		return refusedAs(other, other, "ExpireTime (126) or ExpireDate (432) is missing: TimeInForce (59) 6 (good till date) needs one")
	}
	return nil
}

// errExpiresTooLate refuses what the dictionary allows and a time of the ledger can't be.
var errExpiresTooLate = refusedAs(other, other, "ExpireTime (126) and ExpireDate (432) must be from 1970 to 2261")

const nanosPerDay = 86_400_000_000_000

// char returns the value of a field of one character, 0 without it.
func char(m *codecfix.Message, tag int) byte {
	if v, _ := m.Get(tag); len(v) == 1 {
		return v[0]
	}
	return 0
}

func fixSide(m *codecfix.Message) ledger.Side {
	switch char(m, codecfix.Side) {
	case '1':
		return ledger.Buy
	case '2':
		return ledger.Sell
	}
	return 0
}

func fixType(m *codecfix.Message) ledger.OrderType {
	switch char(m, codecfix.OrdType) {
	case '1':
		return ledger.Market
	case '2':
		return ledger.Limit
	case '3':
		return ledger.Stop
	case '4':
		return ledger.StopLimit
	}
	return 0
}

func fixTimeInForce(m *codecfix.Message) ledger.TimeInForce {
	switch char(m, codecfix.TimeInForce) {
	case '0':
		return ledger.Day
	case '1':
		return ledger.GoodTillCancelled
	case '3':
		return ledger.ImmediateOrCancel
	case '4':
		return ledger.FillOrKill
	case '6':
		return ledger.GoodTillDate
	}
	return 0
}
