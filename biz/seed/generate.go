package seed

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Numbers of generated customers.
const (
	FirstCustomer ledger.Customer = 100_001
	// Operator is the customer with the operator role in generated files.
	Operator ledger.Customer = 900_001
)

// Options says what Generate makes. The same options make the same bytes.
type Options struct {
	// Customers is how many there are, numbered from FirstCustomer, 1 to
	// MaxCustomers - 1. The operator comes on top.
	Customers int
	// Instruments is how many there are, 1 to 10,000.
	Instruments int
	// Random chooses names, prices, positions, salts and tokens. Whoever knows it
	// knows the tokens: for tests and load, not for secrets.
	Random uint64
	// Password, when not empty, is given to every customer. It costs one Argon2id
	// hash per customer, tens of milliseconds each.
	Password string
	// Demo makes the published tokens (DemoToken) and modest amounts of cash in
	// place of tokens from Random and 1,000,000,000.0000 each.
	Demo bool
	// Progress, when not nil, is called after each customer.
	Progress func(done, total int)
}

// Limits of Options.
const (
	MaxGeneratedCustomers   = MaxCustomers - 1
	MaxGeneratedInstruments = 10_000
)

func (o *Options) check() error {
	switch {
	case o.Customers < 1 || o.Customers > MaxGeneratedCustomers:
		return fmt.Errorf("%w: %d customers: want 1 to %d", ErrBadOptions, o.Customers, MaxGeneratedCustomers)
	case o.Instruments < 1 || o.Instruments > MaxGeneratedInstruments:
		return fmt.Errorf("%w: %d instruments: want 1 to %d", ErrBadOptions, o.Instruments, MaxGeneratedInstruments)
	case len(o.Password) > MaxPasswordSize:
		return fmt.Errorf("%w: the password is over %d bytes", ErrBadOptions, MaxPasswordSize)
	}
	return nil
}

// Generate writes a seed file. Errors are ErrBadOptions and those of w.
func Generate(w io.Writer, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	out := bufio.NewWriter(w) // keeps the first error for Flush
	g := newGenerator(&o)
	fmt.Fprint(out, "{\n  \"format\": 1,\n  \"instruments\": [\n")
	for n := range g.instruments {
		if err := writeEntry(out, n, g.instrumentEntry(n)); err != nil {
			return err
		}
	}
	fmt.Fprint(out, "\n  ],\n  \"customers\": [\n")
	if err := writeEntry(out, 0, g.operatorEntry()); err != nil {
		return err
	}
	for n := range o.Customers {
		if err := writeEntry(out, n+1, g.customerEntry(n)); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(n+1, o.Customers)
		}
	}
	fmt.Fprint(out, "\n  ]\n}\n")
	return out.Flush()
}

// GenerateTokens writes the token of every customer that Generate with the same
// options makes, the operator's first, as lines "customer,token in hexadecimal".
// Errors are ErrBadOptions and those of w.
func GenerateTokens(w io.Writer, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	out := bufio.NewWriter(w) // keeps the first error for Flush
	fmt.Fprintf(out, "%d,%x\n", Operator, o.token(Operator))
	for n := range o.Customers {
		c := FirstCustomer + ledger.Customer(n)
		fmt.Fprintf(out, "%d,%x\n", c, o.token(c))
	}
	return out.Flush()
}

// token returns a customer's token under these options.
func (o *Options) token(c ledger.Customer) []byte {
	if o.Demo {
		return DemoToken(c)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "holdfast generated token %d %d", o.Random, c))
	return sum[:]
}

func (o *Options) salt(c ledger.Customer) [SaltSize]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "holdfast generated salt %d %d", o.Random, c))
	return [SaltSize]byte(sum[:])
}

// The entries of the file, in the order of their keys.
type (
	instrumentEntry struct {
		Market string          `json:"market"`
		Code   string          `json:"code"`
		Name   string          `json:"name"`
		Lot    ledger.Quantity `json:"lot"`
		Tick   string          `json:"tick"`
		Last   string          `json:"last"`
	}
	customerEntry struct {
		Customer    ledger.Customer `json:"customer"`
		Name        string          `json:"name"`
		Role        string          `json:"role,omitempty"`
		Cash        string          `json:"cash"`
		Positions   []positionEntry `json:"positions"`
		Password    string          `json:"password,omitempty"`
		TokenSHA256 string          `json:"token_sha256"`
	}
	positionEntry struct {
		Market      string          `json:"market"`
		Code        string          `json:"code"`
		Quantity    ledger.Quantity `json:"quantity"`
		AverageCost string          `json:"average_cost"`
	}
)

// generator makes the entries one after the other.
type generator struct {
	o           *Options
	random      *rand.Rand
	instruments []market.Instrument
}

// streamOfSeed keeps the generator apart from other sequences of the same seed.
const streamOfSeed = 0x73656564

const generatedTick ledger.Price = 100 // 0.01

func newGenerator(o *Options) *generator {
	g := &generator{o: o, random: rand.New(rand.NewPCG(o.Random, streamOfSeed))}
	g.instruments = make([]market.Instrument, o.Instruments)
	for n := range g.instruments {
		g.instruments[n] = g.instrument(n)
	}
	return g
}

// instrument makes the nth; the first has the price 10.00, for examples.
func (g *generator) instrument(n int) market.Instrument {
	markets := [...]string{"ALFA", "BETA"}
	bases := [...]int{600100, 300100}
	last := generatedTick * ledger.Price(200+g.random.IntN(9_800))
	if n == 0 {
		last = 100_000
	}
	return market.Instrument{
		ID: ledger.InstrumentID(n), Market: markets[n%2], Code: fmt.Sprint(bases[n%2] + n/2),
		Name: g.name(n), Lot: 1, Tick: generatedTick, Last: last,
	}
}

// name invents a company; names repeat with a number after the 100th.
func (g *generator) name(n int) string {
	first := [...]string{"Northern", "Harbour", "Silver", "Granite", "Meadow", "Copper", "Lantern", "River", "Summit", "Amber"}
	second := [...]string{"Tin", "Rail", "Mills", "Shipping", "Optics", "Grain", "Power", "Paper", "Foundry", "Salt"}
	name := first[n%10] + " " + second[(n+n/10)%10]
	if n >= len(first)*len(second) {
		name = fmt.Sprint(name, " ", n/(len(first)*len(second))+1)
	}
	return name
}

func (g *generator) instrumentEntry(n int) instrumentEntry {
	i := &g.instruments[n]
	return instrumentEntry{i.Market, i.Code, i.Name, i.Lot, i.Tick.String(), i.Last.String()}
}

func (g *generator) operatorEntry() customerEntry {
	e := g.entry(Operator)
	e.Name, e.Role, e.Cash = "Operator", RoleOperator.String(), ledger.Money(0).String()
	return e
}

// customerEntry makes the nth customer. The first holds 100 shares of the first
// instrument at 10.00, every tenth holds nothing, the others up to five rows.
func (g *generator) customerEntry(n int) customerEntry {
	e := g.entry(FirstCustomer + ledger.Customer(n))
	e.Name = fmt.Sprintf("Customer %d", n+1)
	switch {
	case n == 0:
		i := &g.instruments[0]
		e.Positions = append(e.Positions, positionEntry{i.Market, i.Code, 100, i.Last.String()})
	case n%10 != 9:
		g.positions(&e)
	}
	return e
}

func (g *generator) entry(c ledger.Customer) customerEntry {
	e := customerEntry{Customer: c, Cash: "1000000000.0000", Positions: []positionEntry{}}
	if g.o.Demo {
		e.Cash = "1000000.0000"
	}
	if g.o.Password != "" {
		e.Password = HashPassword(g.o.Password, g.o.salt(c))
	}
	hash := sha256.Sum256(g.o.token(c))
	e.TokenSHA256 = hex.EncodeToString(hash[:])
	return e
}

// positions adds one to five neighbouring instruments, bought within a tenth of
// their price.
func (g *generator) positions(e *customerEntry) {
	count := min(1+g.random.IntN(5), len(g.instruments))
	first := g.random.IntN(len(g.instruments))
	for n := range count {
		i := &g.instruments[(first+n)%len(g.instruments)]
		average := i.Last * ledger.Price(90+g.random.IntN(21)) / 100
		e.Positions = append(e.Positions, positionEntry{
			i.Market, i.Code, ledger.Quantity(10 * (1 + g.random.IntN(100))), average.String(),
		})
	}
}

// writeEntry writes the nth entry of a list on a separate line.
func writeEntry(w *bufio.Writer, n int, entry any) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	if n > 0 {
		fmt.Fprint(w, ",\n")
	}
	_, err = fmt.Fprintf(w, "    %s", line)
	return err
}
