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
	// Positions is the most that a customer has, 0 to 4096; 0 means 5. A tenth of the
	// customers have none.
	Positions int
	// Mainland makes the markets of a mainland exchange: see Mainland. Otherwise two markets
	// have the default rules.
	Mainland bool
	// Directives lets all customers demand outcomes in their client order ids.
	Directives bool
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
	MaxGeneratedPositions   = ledger.MaxRows
)

func (o *Options) check() error {
	switch {
	case o.Customers < 1 || o.Customers > MaxGeneratedCustomers:
		return fmt.Errorf("%w: %d customers: want 1 to %d", ErrBadOptions, o.Customers, MaxGeneratedCustomers)
	case o.Instruments < 1 || o.Instruments > MaxGeneratedInstruments:
		return fmt.Errorf("%w: %d instruments: want 1 to %d", ErrBadOptions, o.Instruments, MaxGeneratedInstruments)
	case o.Positions < 0 || o.Positions > MaxGeneratedPositions:
		return fmt.Errorf("%w: %d positions: want 0 to %d", ErrBadOptions, o.Positions, MaxGeneratedPositions)
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
	fmt.Fprint(out, "{\n  \"format\": 1,\n")
	if o.Mainland {
		fmt.Fprint(out, "  \"markets\": [\n")
		for n, e := range mainlandMarkets() {
			if err := writeEntry(out, n, e); err != nil {
				return err
			}
		}
		fmt.Fprint(out, "\n  ],\n")
	}
	fmt.Fprint(out, "  \"instruments\": [\n")
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
	marketRules struct {
		Market            string          `json:"market"`
		Lot               ledger.Quantity `json:"lot"`
		MinimumLot        ledger.Quantity `json:"minimum_lot"`
		Band              string          `json:"band"`
		UTCOffset         string          `json:"utc_offset"`
		Hours             []string        `json:"hours"`
		Weekdays          string          `json:"weekdays"`
		Commission        string          `json:"commission"`
		CommissionMinimum string          `json:"commission_minimum"`
		SellTax           string          `json:"sell_tax"`
		SharesDays        string          `json:"shares_settle"`
		CashDays          string          `json:"cash_settle"`
	}
	instrumentEntry struct {
		Market string          `json:"market"`
		Code   string          `json:"code"`
		Name   string          `json:"name"`
		Lot    ledger.Quantity `json:"lot,omitempty"`
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
		Directives  bool            `json:"directives,omitempty"`
	}
	positionEntry struct {
		Market      string          `json:"market"`
		Code        string          `json:"code"`
		Quantity    ledger.Quantity `json:"quantity"`
		AverageCost string          `json:"average_cost"`
	}
)

// mainlandMarkets returns the markets of Options.Mainland: lots of 100, and at least 200.
func mainlandMarkets() [2]marketRules {
	east := marketRules{
		Market: "EAST", Lot: 100, MinimumLot: 100, Band: "10%",
		UTCOffset: "+08:00", Hours: []string{"09:30-11:30", "13:00-15:00"}, Weekdays: "Mon-Fri",
		Commission: "0.025%", CommissionMinimum: "5.00", SellTax: "0.05%", SharesDays: "T+1", CashDays: "T+0",
	}
	nova := east
	nova.Market, nova.Lot, nova.MinimumLot, nova.Band = "NOVA", 1, 200, "20%"
	return [2]marketRules{east, nova}
}

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
	markets, bases := [...]string{"ALFA", "BETA"}, [...]int{600100, 300100}
	lots := ledger.Lots{Minimum: 1, Step: 1}
	if g.o.Mainland {
		markets, bases = [...]string{"EAST", "NOVA"}, [...]int{601100, 688100}
		lots = ledger.Lots{} // of the market
	}
	last := generatedTick * ledger.Price(200+g.random.IntN(9_800))
	if n == 0 {
		last = 100_000
	}
	return market.Instrument{
		ID: ledger.InstrumentID(n), Market: markets[n%2], Code: fmt.Sprint(bases[n%2] + n/2),
		Name: g.name(n), Lots: lots, Tick: generatedTick, Last: last,
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
	return instrumentEntry{i.Market, i.Code, i.Name, i.Lots.Step, i.Tick.String(), i.Last.String()}
}

func (g *generator) operatorEntry() customerEntry {
	e := g.entry(Operator)
	e.Name, e.Role, e.Cash = "Operator", RoleOperator.String(), ledger.Money(0).String()
	return e
}

// customerEntry makes the nth customer. The first holds 100 shares of the first
// instrument at 10.00, every tenth holds nothing, the others up to Options.Positions rows.
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
	e.Directives = g.o.Directives
	hash := sha256.Sum256(g.o.token(c))
	e.TokenSHA256 = hex.EncodeToString(hash[:])
	return e
}

// positions adds neighbouring instruments, bought within a tenth of their price.
func (g *generator) positions(e *customerEntry) {
	most := g.o.Positions
	if most == 0 {
		most = defaultPositions
	}
	count := min(1+g.random.IntN(most), len(g.instruments))
	first := g.random.IntN(len(g.instruments))
	for n := range count {
		i := &g.instruments[(first+n)%len(g.instruments)]
		average := i.Last * ledger.Price(90+g.random.IntN(21)) / 100
		e.Positions = append(e.Positions, positionEntry{i.Market, i.Code, g.quantity(), average.String()})
	}
}

const defaultPositions = 5

// quantity chooses how many shares are held. On mainland markets every tenth position has an
// odd remainder.
func (g *generator) quantity() ledger.Quantity {
	n := ledger.Quantity(1 + g.random.IntN(100))
	switch {
	case !g.o.Mainland:
		return 10 * n
	case n%10 == 0:
		return 100*n + n
	}
	return 100 * (n + 1)
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
