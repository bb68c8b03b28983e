package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// parser reads a seed file.
type parser struct {
	*jsonfile.Reader
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
		Reader:      jsonfile.New(name, content),
		instruments: make(map[instrumentKey]place),
		customers:   make(map[ledger.Customer]int),
	}
}

func (p *parser) seed() (*Seed, error) {
	format := false
	err := p.Object("seed", func(key string) error {
		if key != "format" && !format {
			return p.Errorf("key %q: \"format\" must come first", jsonfile.Clip(key))
		}
		switch key {
		case "format":
			format = true
			_, err := p.Number(key, 1, 1)
			return err
		case "instruments":
			return p.Array(key, p.instrument)
		case "customers":
			return p.Array(key, p.customer)
		}
		return p.unknown("seed", key, "format", "instruments", "customers")
	})
	if err == nil {
		err = p.End()
	}
	if err == nil && (len(p.result.Instruments) == 0 || len(p.result.Customers) == 0) {
		err = p.Errorf("a seed needs at least one instrument and one customer")
	}
	if err != nil {
		return nil, err
	}
	return &p.result, nil
}

func (p *parser) unknown(what, key string, keys ...string) error {
	return p.Errorf("%s: unknown key %q; the keys are %s", what, jsonfile.Clip(key), strings.Join(keys, ", "))
}

func (p *parser) instrument() error {
	i := market.Instrument{ID: ledger.InstrumentID(len(p.result.Instruments)), Lot: 1, Tick: 100}
	lines := make(map[string]int, 6)
	err := p.Object("instrument", func(key string) (err error) {
		switch key {
		case "market":
			i.Market, err = p.Text(key)
		case "code":
			i.Code, err = p.Text(key)
		case "name":
			i.Name, err = p.Text(key)
		case "lot":
			i.Lot, err = p.quantity(key, 1)
		case "tick":
			i.Tick, err = p.price(key)
		case "last":
			i.Last, err = p.price(key)
		default:
			err = p.unknown("instrument", key, "market", "code", "name", "lot", "tick", "last")
		}
		lines[key] = p.Line
		return err
	})
	if err != nil {
		return err
	}
	return p.addInstrument(i, lines)
}

func (p *parser) addInstrument(i market.Instrument, lines map[string]int) error {
	if err := i.Validate(); err != nil {
		line := p.Line
		var field *market.FieldError
		if errors.As(err, &field) && lines[field.Field] > 0 {
			line = lines[field.Field]
		}
		return p.ErrorAt(line, "instrument: %v", err)
	}
	key := instrumentKey{i.Market, i.Code}
	if first, ok := p.instruments[key]; ok {
		return p.ErrorAt(lines["code"], "instrument %q %q is already on line %d", i.Market, i.Code, first.line)
	}
	if len(p.result.Instruments) == market.MaxInstruments {
		return p.Errorf("over %d instruments", market.MaxInstruments)
	}
	p.instruments[key] = place{i.ID, lines["code"]}
	p.result.Instruments = append(p.result.Instruments, i)
	return nil
}

func (p *parser) customer() error {
	var c Customer
	err := p.Object("customer", func(key string) (err error) {
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
			err = p.Array(key, func() error { return p.position(&c) })
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
		return p.Errorf(`customer: key "customer" is missing`)
	case len(p.result.Customers) == MaxCustomers:
		return p.Errorf("over %d customers", MaxCustomers)
	}
	p.result.Customers = append(p.result.Customers, c)
	return nil
}

func (p *parser) customerNumber(key string) (ledger.Customer, error) {
	v, err := p.Number(key, 1, math.MaxUint32)
	if err != nil {
		return 0, err
	}
	c := ledger.Customer(v)
	if line, ok := p.customers[c]; ok {
		return 0, p.Errorf("customer %d is already on line %d", c, line)
	}
	p.customers[c] = p.Line
	return c, nil
}

func (p *parser) name(key string) (string, error) {
	s, err := p.Text(key)
	if err == nil && !market.ValidName(s) {
		err = p.Errorf("%s wants at most %d bytes of printable text, got %q", key, market.MaxNameSize, jsonfile.Clip(s))
	}
	return s, err
}

func (p *parser) role(key string) (Role, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	for _, r := range []Role{RoleTrader, RoleOperator} {
		if s == r.String() {
			return r, nil
		}
	}
	return 0, p.Errorf(`%s wants "operator" or nothing, got %q`, key, jsonfile.Clip(s))
}

func (p *parser) position(c *Customer) error {
	var key instrumentKey
	var quantity ledger.Quantity
	var average ledger.Price
	line := 0
	err := p.Object("position", func(k string) (err error) {
		switch k {
		case "market":
			key.market, err = p.Text(k)
		case "code":
			key.code, err = p.Text(k)
			line = p.Line
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
		line = p.Line
	}
	return p.addPosition(c, key, quantity, average, line)
}

func (p *parser) addPosition(c *Customer, key instrumentKey, q ledger.Quantity, average ledger.Price, line int) error {
	at, ok := p.instruments[key]
	if !ok {
		return p.ErrorAt(line, "position: unknown instrument %q %q; instruments must come before customers", jsonfile.Clip(key.market), jsonfile.Clip(key.code))
	}
	for _, h := range c.Holdings {
		if h.Instrument == at.id {
			return p.ErrorAt(line, "position: %q %q appears twice for one customer", key.market, key.code)
		}
	}
	cost, fits := ledger.Value(q, average)
	lot := p.result.Instruments[at.id].Lot
	switch {
	case q == 0:
		return p.ErrorAt(line, `position %q %q: key "quantity" is missing`, key.market, key.code)
	case q%lot != 0:
		return p.ErrorAt(line, "position %q %q: quantity %d is not a multiple of the lot %d", key.market, key.code, q, lot)
	case !fits:
		return p.ErrorAt(line, "position %q %q: quantity %d x average_cost %s is too large", key.market, key.code, q, average)
	case len(c.Holdings) == ledger.MaxRows:
		return p.ErrorAt(line, "position: over %d for one customer", ledger.MaxRows)
	}
	c.Holdings = append(c.Holdings, ledger.Holding{Instrument: at.id, Quantity: q, Cost: cost})
	return nil
}

func (p *parser) quantity(key string, low int64) (ledger.Quantity, error) {
	v, err := p.Number(key, low, int64(ledger.MaxQuantity))
	return ledger.Quantity(v), err
}

func (p *parser) price(key string) (ledger.Price, error) {
	return amount(p, key, "a price", ledger.ParsePrice, ledger.MaxPrice)
}

func (p *parser) cash(key string) (ledger.Money, error) {
	return amount(p, key, "an amount", ledger.ParseMoney, ledger.MaxMoney)
}

// amount takes a decimal from 0 to most.
func amount[T ledger.Price | ledger.Money](p *parser, key, what string, parse func(string) (T, error), most T) (T, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	v, err := parse(s)
	if err != nil || v < 0 || v > most {
		return 0, p.Errorf("%s wants %s such as 10.5 from 0 to %v with at most 4 decimals, got %q", key, what, most, jsonfile.Clip(s))
	}
	return v, nil
}

func (p *parser) password(key string) (string, error) {
	s, err := p.Text(key)
	if err != nil || s == "" {
		return "", err
	}
	if _, err := parsePHC(s); err != nil {
		return "", p.Errorf("%s %s: %v", key, strconv.Quote(jsonfile.Clip(s)), err)
	}
	return s, nil
}

func (p *parser) tokenHash(key string) (hash [sha256.Size]byte, err error) {
	s, err := p.Text(key)
	if err != nil || s == "" {
		return hash, err
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(hash) {
		return hash, p.Errorf("%s wants 64 hexadecimal digits, got %q", key, jsonfile.Clip(s))
	}
	return [sha256.Size]byte(b), nil
}
