package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

const seedText = `{
  "format": 1,
  "instruments": [
    {"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"},
    {"market": "BETA", "code": "300100", "name": "Rail", "last": "74.00"},
    {"market": "ALFA", "code": "600101", "name": "Mills", "lot": 100, "last": "2.50"}
  ],
  "customers": [
    {"customer": 100001, "name": "1", "cash": "1000000.00"},
    {"customer": 100002, "name": "2", "cash": "1000000.00"},
    {"customer": 100003, "name": "3", "cash": "1000000.00"},
    {"customer": 100004, "name": "4", "cash": "100000.00"},
    {"customer": 100005, "name": "5", "cash": "100000.00"},
    {"customer": 900001, "name": "Operator", "role": "operator", "cash": "1000000.00"}
  ]
}`

// start is the time at which the clocks of the tests start.
var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).UnixNano()

// tape is a desk.CommitLog that records the events.
type tape struct {
	desk   *desk.Desk
	trades []string
	done   atomic.Int64 // how many executions
	sides  map[ledger.Side]int
	events map[ledger.Customer][]byte // as ledger.AppendEvent appends them
}

func (p *tape) Append(t *desk.Turn) {
	for i := range t.Events() {
		e := &t.Events()[i]
		p.events[e.Customer()] = ledger.AppendEvent(p.events[e.Customer()], e)
		if e.Kind != ledger.KindFill {
			continue
		}
		x := &e.Execution
		p.trades = append(p.trades, fmt.Sprintf("%d: %s %s %d of %d at %s", e.Time-start, x.ID, x.Side, x.Quantity, x.Instrument, x.Price))
		p.sides[x.Side]++
		p.done.Add(1)
	}
}

func (p *tape) Accepts() bool                 { return true }
func (p *tape) Failed() error                 { return nil }
func (p *tape) Durable(context.Context) error { return nil }
func (p *tape) Stats() journal.Stats          { return journal.Stats{} }
func (p *tape) Close(context.Context) error   { return nil }

// open starts a desk without sessions. Its events go to the tape.
func open(t *testing.T, file string) *tape {
	t.Helper()
	p := &tape{sides: make(map[ledger.Side]int), events: make(map[ledger.Customer][]byte)}
	p.desk, _ = openDesk(t, file, func(desk.CommitLogOptions) desk.CommitLog { return p }, nil)
	return p
}

// openDesk starts a desk; with commits nil on a journal. change may change its settings.
func openDesk(t *testing.T, file string, commits func(desk.CommitLogOptions) desk.CommitLog, change func(*desk.Config)) (*desk.Desk, *journal.Journal) {
	t.Helper()
	dir := t.TempDir()
	s, err := seed.Parse("test.json", []byte(file))
	must(t, err)
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	config := desk.Config{
		Seed: s, Journal: j, History: h, Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
		NewCommitLog: commits,
	}
	if change != nil {
		change(&config)
	}
	d, err := desk.New(t.Context(), config)
	must(t, err)
	must(t, d.Start(desk.Hooks{}))
	t.Cleanup(func() {
		ctx := context.Background()
		must(t, d.Close(ctx))
		must(t, h.Close())
		must(t, j.Close(ctx))
	})
	return d, j
}

// run runs a driver until the returned function is called.
func run(t *testing.T, d *Driver, on *desk.Desk) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx, on)
	}()
	stopped := func() { cancel(); <-ended }
	t.Cleanup(stopped)
	return stopped
}

func newClock(t *testing.T, mode market.ClockMode, speed int64) *market.Clock {
	t.Helper()
	c, err := market.NewClock(mode, start, speed)
	must(t, err)
	return c
}

func newDriver(t *testing.T, mode market.ClockMode, speed int64, c Config) *Driver {
	t.Helper()
	return NewDriver(newClock(t, mode, speed), c, slog.New(slog.DiscardHandler))
}

// lastPrices returns the last prices, in the order of the instruments.
func (p *tape) lastPrices() (list []ledger.Price) {
	for id := range p.desk.Market().Len() {
		list = append(list, p.desk.Market().Last(ledger.InstrumentID(id)))
	}
	return list
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// simulate advances a simulation by some time, in this many steps.
func simulate(t *testing.T, c Config, length time.Duration, steps int) *tape {
	t.Helper()
	p := open(t, seedText)
	d := newDriver(t, market.SteppedClock, 1, c)
	stop := run(t, d, p.desk)
	for n := range steps {
		must(t, d.Step(t.Context(), length*time.Duration(n+1)/time.Duration(steps)-length*time.Duration(n)/time.Duration(steps)))
	}
	stop()
	return p
}

// TestRepeats: the same random seed and rates result in the same trades and prices, whatever
// the steps; another seed results in others.
func TestRepeats(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config Config
	}{
		{"orders and prices", Config{Orders: 300, PriceMoves: 500, Random: 7}},
		{"more orders than prices", Config{Orders: 700, PriceMoves: 10, Random: 7}},
		{"orders alone", Config{Orders: 300, Random: 7}},
		{"prices alone", Config{PriceMoves: 500, Random: 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := simulate(t, tc.config, 2*time.Second, 1), simulate(t, tc.config, 2*time.Second, 173)
			if !slices.Equal(a.trades, b.trades) || !slices.Equal(a.lastPrices(), b.lastPrices()) {
				t.Errorf("%d and %d trades, prices %v and %v", len(a.trades), len(b.trades), a.lastPrices(), b.lastPrices())
			}
			if want := tc.config.Orders > 0; want && len(a.trades) < 200 || !want && len(a.trades) > 0 {
				t.Errorf("%d trades", len(a.trades))
			}
			moved := !slices.Equal(a.lastPrices(), open(t, seedText).lastPrices())
			if want := tc.config.PriceMoves > 0; moved != want {
				t.Errorf("prices %v: moved %v, want %v", a.lastPrices(), moved, want)
			}
			other := tc.config
			other.Random++
			c := simulate(t, other, 2*time.Second, 1)
			if slices.Equal(a.trades, c.trades) && slices.Equal(a.lastPrices(), c.lastPrices()) {
				t.Error("another random seed has the same result")
			}
		})
	}
}

// TestRates: orders and moves are due at their rates, from the start of the trading time.
func TestRates(t *testing.T) {
	m := newTrader(open(t, seedText).desk, Config{Orders: 20, PriceMoves: 50}, start)
	for end := start + 2_900_000_000; m.next() <= end; {
		must(t, m.do(t.Context()))
	}
	if m.orders.done != 58 || m.moves.done != 145 {
		t.Errorf("%d orders and %d moves in 2.9 s, want 58 and 145", m.orders.done, m.moves.done)
	}
}

// TestSkip: what is due before a time is left out, and the rate is as before.
func TestSkip(t *testing.T) {
	s := schedule{start: 100, rate: 1e9 / 10}
	for _, step := range []struct{ until, next int64 }{{0, 110}, {110, 110}, {111, 111}, {1000, 1000}} {
		s.skip(step.until)
		if s.next() != step.next {
			t.Errorf("after %d the next is due at %d, want %d", step.until, s.next(), step.next)
		}
	}
	if s.done++; s.next() != 1010 {
		t.Errorf("then at %d", s.next())
	}
	for _, rate := range []float64{0, -1, 1e-300, 1e-11} {
		never := schedule{start: 100, rate: rate}
		if never.skip(1000); never.next() != math.MaxInt64 {
			t.Errorf("rate %g: due at %d", rate, never.next())
		}
	}
}

// TestSpares: only the second half of the customers trades, and both buys and sells. The
// first half and the operator do not change.
func TestSpares(t *testing.T) {
	untouched := open(t, seedText)
	p := simulate(t, Config{Orders: 1000, PriceMoves: 100, Random: 3}, 2*time.Second, 10)
	for _, trade := range p.trades {
		_, trade, _ = strings.Cut(trade, ": ")
		if c, _, _ := strings.Cut(trade, "-"); c != "100004" && c != "100005" {
			t.Fatalf("trade %s", trade)
		}
	}
	for i, a := range p.desk.Accounts() {
		var got, was [32]byte
		a.View(func(l *ledger.Account) { got = l.Hash() })
		untouched.desk.Accounts()[i].View(func(l *ledger.Account) { was = l.Hash() })
		if c := a.Customer(); (got != was) != (c == 100004 || c == 100005) {
			t.Errorf("account %d: changed %v", c, got != was)
		}
	}
	if p.sides[ledger.Buy] < 100 || p.sides[ledger.Sell] < 100 {
		t.Errorf("sides %v", p.sides)
	}
}

// TestJump: after a jump of a price, the walk goes on from there.
func TestJump(t *testing.T) {
	p := open(t, strings.Replace(seedText, `"last": "74.00"`, `"last": "74.00", "tick": "1.00"`, 1))
	d := newDriver(t, market.SteppedClock, 1, Config{PriceMoves: 10})
	stop := run(t, d, p.desk)
	const rail = 1
	d.At(start+int64(time.Second), func() { must(t, p.desk.Jump(t.Context(), rail, 300_0000, start)) })
	for range 20 {
		must(t, d.Step(t.Context(), time.Second))
	}
	stop()
	if last := p.desk.Market().Last(rail); last == 300_0000 || last < 200_0000 || last > 400_0000 {
		t.Errorf("after the jump to 300 the price is %s", last)
	}
}
