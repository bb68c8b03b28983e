package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// parser reads a seed; it knows which instruments and customers came before.
type parser struct {
	scanner
	result      Seed
	instruments map[instrumentKey]place
	customers   map[ledger.Customer]int // its line
}

type instrumentKey struct{ market, code string }

type place struct {
	id   ledger.InstrumentID
	line int
}

func newParser(name string, content []byte) *parser {
	return &parser{
		scanner:     newScanner(name, content),
		instruments: make(map[instrumentKey]place),
		customers:   make(map[ledger.Customer]int),
	}
}

func (p *parser) seed() (*Seed, error) {
	format := false
	err := p.object("seed", func(key string) error {
		if key != "format" && !format {
			return p.errorf("key %q: \"format\" must come first", clip(key))
		}
		switch key {
		case "format":
			format = true
			_, err := p.number(key, 1, 1)
			return err
		case "instruments":
			return p.array(key, p.instrument)
		case "customers":
			return p.array(key, p.customer)
		}
		return p.unknown("seed", key, "format", "instruments", "customers")
	})
	if err == nil {
		err = p.end()
	}
	if err == nil && (len(p.result.Instruments) == 0 || len(p.result.Customers) == 0) {
		err = p.errorf("a seed needs at least one instrument and one customer")
	}
	if err != nil {
		return nil, err
	}
	return &p.result, nil
}

func (p *parser) unknown(what, key string, known ...string) error {
	return p.errorf("%s: unknown key %q; known are %s", what, clip(key), strings.Join(known, ", "))
}

func (p *parser) instrument() error {
	i := market.Instrument{ID: ledger.InstrumentID(len(p.result.Instruments)), Lot: 1, Tick: 100}
	lines := make(map[string]int, 6)
	err := p.object("instrument", func(key string) (err error) {
		switch key {
		case "market":
			i.Market, err = p.text(key)
		case "code":
			i.Code, err = p.text(key)
		case "name":
			i.Name, err = p.text(key)
		case "lot":
			i.Lot, err = p.quantity(key, 1)
		case "tick":
			i.Tick, err = p.price(key)
		case "last":
			i.Last, err = p.price(key)
		default:
			err = p.unknown("instrument", key, "market", "code", "name", "lot", "tick", "last")
		}
		lines[key] = p.line
		return err
	})
	if err != nil {
		return err
	}
	return p.addInstrument(i, lines)
}

func (p *parser) addInstrument(i market.Instrument, lines map[string]int) error {
	if err := i.Validate(); err != nil {
		line := p.line
		var field *market.FieldError
		if errors.As(err, &field) && lines[field.Field] > 0 {
			line = lines[field.Field]
		}
		return p.errorAt(line, "instrument: %v", err)
	}
	key := instrumentKey{i.Market, i.Code}
	if first, ok := p.instruments[key]; ok {
		return p.errorAt(lines["code"], "instrument %q %q stands on line %d already", i.Market, i.Code, first.line)
	}
	if len(p.result.Instruments) == market.MaxInstruments {
		return p.errorf("over %d instruments", market.MaxInstruments)
	}
	p.instruments[key] = place{i.ID, lines["code"]}
	p.result.Instruments = append(p.result.Instruments, i)
	return nil
}

func (p *parser) customer() error {
	var c Customer
	err := p.object("customer", func(key string) (err error) {
		switch key {
		case "customer":
			c.Number, err = p.customerNumber(key)
		case "name":
			c.Name, err = p.name(key)
		case "role":
			c.Role, err = p.role(key)
		case "cash":
			c.Cash, err = p.cash(key)
		case "positions":
			err = p.array(key, func() error { return p.position(&c) })
		case "password":
			c.Password, err = p.password(key)
		case "token_sha256":
			c.TokenSHA256, err = p.tokenHash(key)
		default:
			err = p.unknown("customer", key, "customer", "name", "role", "cash", "positions", "password", "token_sha256")
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case c.Number == 0:
		return p.errorf(`customer: key "customer" is missing`)
	case len(p.result.Customers) == MaxCustomers:
		return p.errorf("over %d customers", MaxCustomers)
	}
	p.result.Customers = append(p.result.Customers, c)
	return nil
}

func (p *parser) customerNumber(key string) (ledger.Customer, error) {
	v, err := p.number(key, 1, math.MaxUint32)
	if err != nil {
		return 0, err
	}
	c := ledger.Customer(v)
	if line, ok := p.customers[c]; ok {
		return 0, p.errorf("customer %d stands on line %d already", c, line)
	}
	p.customers[c] = p.line
	return c, nil
}

func (p *parser) name(key string) (string, error) {
	s, err := p.text(key)
	if err == nil && !market.ValidName(s) {
		err = p.errorf("%s %q: must be at most %d bytes of printable text", key, clip(s), market.MaxNameSize)
	}
	return s, err
}

func (p *parser) role(key string) (Role, error) {
	s, err := p.text(key)
	if err != nil {
		return 0, err
	}
	for _, r := range []Role{RoleTrader, RoleOperator} {
		if s == r.String() {
			return r, nil
		}
	}
	return 0, p.errorf(`%s %q: want "operator" or nothing`, key, clip(s))
}

func (p *parser) position(c *Customer) error {
	var key instrumentKey
	var quantity ledger.Quantity
	var average ledger.Price
	line := 0
	err := p.object("position", func(k string) (err error) {
		switch k {
		case "market":
			key.market, err = p.text(k)
		case "code":
			key.code, err = p.text(k)
			line = p.line
		case "quantity":
			quantity, err = p.quantity(k, 1)
		case "average_cost":
			average, err = p.price(k)
		default:
			err = p.unknown("position", k, "market", "code", "quantity", "average_cost")
		}
		return err
	})
	if err != nil {
		return err
	}
	if line == 0 {
		line = p.line
	}
	return p.addPosition(c, key, quantity, average, line)
}

func (p *parser) addPosition(c *Customer, key instrumentKey, q ledger.Quantity, average ledger.Price, line int) error {
	at, ok := p.instruments[key]
	if !ok {
		return p.errorAt(line, "position: unknown instrument %q %q; instruments must stand before customers", clip(key.market), clip(key.code))
	}
	for _, h := range c.Holdings {
		if h.Instrument == at.id {
			return p.errorAt(line, "position: %q %q comes twice for one customer", key.market, key.code)
		}
	}
	cost, fits := ledger.Value(q, average)
	lot := p.result.Instruments[at.id].Lot
	switch {
	case q == 0:
		return p.errorAt(line, `position %q %q: key "quantity" is missing`, key.market, key.code)
	case q%lot != 0:
		return p.errorAt(line, "position %q %q: quantity %d is not a multiple of the lot %d", key.market, key.code, q, lot)
	case !fits:
		return p.errorAt(line, "position %q %q: quantity %d x average_cost %s is too large", key.market, key.code, q, average)
	case len(c.Holdings) == ledger.MaxRows:
		return p.errorAt(line, "position: over %d for one customer", ledger.MaxRows)
	}
	c.Holdings = append(c.Holdings, ledger.Holding{Instrument: at.id, Quantity: q, Cost: cost})
	return nil
}

func (p *parser) quantity(key string, low int64) (ledger.Quantity, error) {
	v, err := p.number(key, low, int64(ledger.MaxQuantity))
	return ledger.Quantity(v), err
}

func (p *parser) price(key string) (ledger.Price, error) {
	s, err := p.text(key)
	if err != nil {
		return 0, err
	}
	v, err := ledger.ParsePrice(s)
	if err != nil || v < 0 || v > ledger.MaxPrice {
		return 0, p.errorf("%s %q: want a price from 0 to %s with at most 4 decimals", key, clip(s), ledger.MaxPrice)
	}
	return v, nil
}

func (p *parser) cash(key string) (ledger.Money, error) {
	s, err := p.text(key)
	if err != nil {
		return 0, err
	}
	v, err := ledger.ParseMoney(s)
	if err != nil || v < 0 || v > ledger.MaxMoney {
		return 0, p.errorf("%s %q: want an amount from 0 to %s with at most 4 decimals", key, clip(s), ledger.MaxMoney)
	}
	return v, nil
}

func (p *parser) password(key string) (string, error) {
	s, err := p.text(key)
	if err != nil || s == "" {
		return "", err
	}
	if _, err := parsePHC(s); err != nil {
		return "", p.errorf("%s %s: %v", key, strconv.Quote(clip(s)), err)
	}
	return s, nil
}

func (p *parser) tokenHash(key string) (hash [sha256.Size]byte, err error) {
	s, err := p.text(key)
	if err != nil || s == "" {
		return hash, err
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(hash) {
		return hash, p.errorf("%s %q: want 64 hexadecimal digits", key, clip(s))
	}
	return [sha256.Size]byte(b), nil
}
