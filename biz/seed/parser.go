package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/textfile"
)

// parser reads a seed file.
type parser struct {
	*jsonfile.Reader
	result      Seed
	markets     map[string]*market.Rules
	marketLines map[string]int // nil: the file has no markets
	instruments map[instrumentKey]place
	customers   map[ledger.Customer]int // its line
	holdings    []ledger.Holding        // memory for those of a customer
	compIDs     []ownedCompID
}

type instrumentKey struct{ market, code string }

type place struct {
	id   ledger.InstrumentID
	line int
}

func newParser(name string, content []byte) *parser {
	return &parser{
		Reader:      jsonfile.New(name, content),
		markets:     make(map[string]*market.Rules),
		instruments: make(map[instrumentKey]place),
		customers:   make(map[ledger.Customer]int),
	}
}

func (p *parser) seed() (*Seed, error) {
	format, instruments := false, false
	err := p.Object("seed", func(key string) error {
		if key != "format" && !format {
			return p.Errorf("key %q: \"format\" must come first", jsonfile.Clip(key))
		}
		switch key {
		case "format":
			format = true
			_, err := p.Number(key, 1, 1)
			return err
		case "markets":
			if instruments {
				return p.Errorf(`key "markets" must come before "instruments"`)
			}
			p.marketLines = make(map[string]int)
			return p.Array(key, p.market)
		case "instruments":
			instruments = true
			return p.Array(key, p.instrument)
		case "customers":
			return p.Array(key, p.customer)
		}
		return p.unknown("seed", key, "format", "markets", "instruments", "customers")
	})
	if err == nil {
		err = p.End()
	}
	if err == nil {
		err = p.checkCompIDs()
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
	return p.Errorf("%s: unknown key %q%s; the keys are %s", what, jsonfile.Clip(key), textfile.Suggestion(key, keys), strings.Join(keys, ", "))
}

// fieldError returns an error of Validate, on the line of its field.
func (p *parser) fieldError(what string, err error, lines map[string]int) error {
	line := p.Line
	var field *market.FieldError
	if errors.As(err, &field) && lines[field.Field] > 0 {
		line = lines[field.Field]
	}
	return p.ErrorAt(line, "%s: %v", what, err)
}

func (p *parser) instrument() error {
	i := market.Instrument{ID: ledger.InstrumentID(len(p.result.Instruments)), Tick: 100}
	lines := make(map[string]int, 8)
	err := p.Object("instrument", func(key string) (err error) {
		switch key {
		case "market":
			i.Market, err = p.Text(key)
		case "code":
			i.Code, err = p.Text(key)
		case "name":
			i.Name, err = p.Text(key)
		case "lot":
			i.Lots.Step, err = p.quantity(key, 1)
		case "minimum_lot":
			i.Lots.Minimum, err = p.quantity(key, 1)
		case "depth":
			i.Depth, err = p.quantity(key, 0)
			if i.Depth == 0 {
				i.Depth = ledger.MaxQuantity // not that of the market
			}
		case "tick":
			i.Tick, err = p.price(key)
		case "last":
			i.Last, err = p.price(key)
		default:
			err = p.unknown("instrument", key, "market", "code", "name", "lot", "minimum_lot", "tick", "last", "depth")
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
	rules, listed := p.markets[i.Market]
	if !listed {
		rules = &market.Rules{Name: i.Market}
	}
	if i.Lots.Minimum > 0 && i.Lots.Step == 0 {
		i.Lots.Step = rules.Lots.Step
	}
	i.SetRules(rules)
	if rules.Depth == 0 && i.Depth == ledger.MaxQuantity {
		i.Depth = 0
	}
	if err := i.Validate(); err != nil {
		return p.fieldError("instrument", err, lines)
	}
	key := instrumentKey{i.Market, i.Code}
	if first, ok := p.instruments[key]; ok {
		return p.ErrorAt(lines["code"], "instrument %q %q is already on line %d", i.Market, i.Code, first.line)
	}
	if len(p.result.Instruments) == market.MaxInstruments {
		return p.Errorf("over %d instruments", market.MaxInstruments)
	}
	if !listed {
		if p.marketLines != nil {
			names := slices.Collect(maps.Keys(p.marketLines))
			return p.ErrorAt(lines["market"], "instrument: market %q is missing from \"markets\"%s", i.Market, textfile.Suggestion(i.Market, names))
		}
		p.markets[i.Market] = rules
		p.result.Markets = append(p.result.Markets, rules)
	}
	p.instruments[key] = place{i.ID, lines["code"]}
	p.result.Instruments = append(p.result.Instruments, i)
	return nil
}

func (p *parser) customer() error {
	c := Customer{Holdings: p.holdings[:0]}
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
		case "certificate":
			c.Certificate, err = p.name(key)
		case "directives":
			c.Directives, err = p.Bool(key)
		case "fix":
			err = p.Array(key, func() error { return p.fix(&c) })
		default:
			err = p.unknown("customer", key, "customer", "name", "role", "cash", "positions", "password", "token_sha256", "certificate", "directives", "fix")
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
	for n := range c.FIX {
		p.compIDs[len(p.compIDs)-1-n].number = c.Number
	}
	p.holdings = c.Holdings
	c.Holdings = append([]ledger.Holding(nil), c.Holdings...)
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
	role, found := ParseRole(s)
	if !found {
		return 0, p.Errorf("%s wants customer, operator or viewer, got %q", key, jsonfile.Clip(s))
	}
	return role, nil
}

func (p *parser) position(c *Customer) error {
	var marketName, code []byte
	var quantity ledger.Quantity
	var average ledger.Price
	line := 0
	err := p.Object("position", func(k string) (err error) {
		switch k {
		case "market":
			marketName, err = p.Bytes(k)
		case "code":
			code, err = p.Bytes(k)
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
	at, ok := p.instruments[instrumentKey{string(marketName), string(code)}]
	if !ok {
		return p.unknownInstrument(string(marketName), string(code), line)
	}
	return p.addPosition(c, at.id, quantity, average, line)
}

func (p *parser) unknownInstrument(marketName, code string, line int) error {
	if len(p.result.Instruments) == 0 {
		return p.ErrorAt(line, "position: unknown instrument %q %q; instruments must come before customers", jsonfile.Clip(marketName), jsonfile.Clip(code))
	}
	keys := make([]string, len(p.result.Instruments))
	for n := range keys {
		keys[n] = KeyOf(&p.result.Instruments[n]).String()
	}
	return p.ErrorAt(line, "position: unknown instrument %q %q%s", jsonfile.Clip(marketName), jsonfile.Clip(code),
		textfile.Suggestion(Key{marketName, code}.String(), keys))
}

func (p *parser) addPosition(c *Customer, id ledger.InstrumentID, q ledger.Quantity, average ledger.Price, line int) error {
	i := &p.result.Instruments[id]
	for _, h := range c.Holdings {
		if h.Instrument == id {
			return p.ErrorAt(line, "position: %q %q appears twice for one customer", i.Market, i.Code)
		}
	}
	cost, fits := ledger.Value(q, average)
	switch {
	case q == 0:
		return p.ErrorAt(line, `position %q %q: key "quantity" is missing`, i.Market, i.Code)
	case !fits:
		return p.ErrorAt(line, "position %q %q: quantity %d x average_cost %s is too large", i.Market, i.Code, q, average)
	case len(c.Holdings) == ledger.MaxRows:
		return p.ErrorAt(line, "position: over %d for one customer", ledger.MaxRows)
	}
	c.Holdings = append(c.Holdings, ledger.Holding{Instrument: id, Quantity: q, Cost: cost})
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
		return "", p.Errorf("%s: %v", key, err) // without the value: it may be a password
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
