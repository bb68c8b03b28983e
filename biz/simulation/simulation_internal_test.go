package simulation

import (
	"context"
	"fmt"
	"log/slog"
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

// tape is a desk.CommitLog that records the trades.
type tape struct {
	desk   *desk.Desk
	trades []string
	done   atomic.Int64 // how many trades
	sides  map[ledger.Side]int
}

func (p *tape) Append(t *desk.Turn) {
	for _, e := range t.Events() {
		x := &e.Execution
		p.trades = append(p.trades, fmt.Sprintf("%s %s %d of %d at %s", x.ID, x.Side, x.Quantity, x.Instrument, x.Price))
		p.sides[x.Side]++
		p.done.Add(1)
	}
}

func (p *tape) Accepts() bool                 { return true }
func (p *tape) Failed() error                 { return nil }
func (p *tape) Durable(context.Context) error { return nil }
func (p *tape) Stats() journal.Stats          { return journal.Stats{} }
func (p *tape) Close(context.Context) error   { return nil }

// open starts a desk without sessions. Its trades go to the tape.
func open(t *testing.T) *tape {
	t.Helper()
	dir, p := t.TempDir(), &tape{sides: make(map[ledger.Side]int)}
	s, err := seed.Parse("test.json", []byte(seedText))
	must(t, err)
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	p.desk, err = desk.New(t.Context(), desk.Config{
		Seed: s, Journal: j, History: h, Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
		NewCommitLog: func(desk.CommitLogOptions) desk.CommitLog { return p },
	})
	must(t, err)
	must(t, p.desk.Start(desk.Hooks{}))
	t.Cleanup(func() {
		ctx := context.Background()
		must(t, p.desk.Close(ctx))
		must(t, h.Close())
		must(t, j.Close(ctx))
	})
	return p
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

// simulate advances the simulation by some seconds, in this many steps.
func simulate(t *testing.T, c Config, seconds float64, looks int) *tape {
	t.Helper()
	p := open(t)
	m := newSimulator(p.desk, c)
	for n := range looks {
		m.advance(seconds * float64(n+1) / float64(looks))
	}
	return p
}

// TestRepeats: the same random seed and rates result in the same trades and prices, whatever
// the times of the ticks; another seed results in others.
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
			a, b := simulate(t, tc.config, 2, 1), simulate(t, tc.config, 2, 173)
			if !slices.Equal(a.trades, b.trades) || !slices.Equal(a.lastPrices(), b.lastPrices()) {
				t.Errorf("%d and %d trades, prices %v and %v", len(a.trades), len(b.trades), a.lastPrices(), b.lastPrices())
			}
			if want := tc.config.Orders > 0; want && len(a.trades) < 200 || !want && len(a.trades) > 0 {
				t.Errorf("%d trades", len(a.trades))
			}
			moved := !slices.Equal(a.lastPrices(), open(t).lastPrices())
			if want := tc.config.PriceMoves > 0; moved != want {
				t.Errorf("prices %v: moved %v, want %v", a.lastPrices(), moved, want)
			}
			other := tc.config
			other.Random++
			c := simulate(t, other, 2, 1)
			if slices.Equal(a.trades, c.trades) && slices.Equal(a.lastPrices(), c.lastPrices()) {
				t.Error("another random seed has the same result")
			}
		})
	}
}

// TestRates: the number of orders and moves per second does not depend on the ticks.
func TestRates(t *testing.T) {
	m := newSimulator(open(t).desk, Config{Orders: 20, PriceMoves: 50})
	m.advance(0)
	if m.orders.done != 0 || m.moves.done != 0 {
		t.Errorf("at once %d orders and %d moves", m.orders.done, m.moves.done)
	}
	for n := range 30 {
		m.advance(float64(n) / 10)
	}
	if m.orders.done != 58 || m.moves.done != 145 { // of 2.9 seconds
		t.Errorf("%d orders and %d moves, want 58 and 145", m.orders.done, m.moves.done)
	}
}

// TestSpares: only the second half of the customers trades, and both buys and sells. The
// first half and the operator do not change.
func TestSpares(t *testing.T) {
	untouched := open(t)
	p := simulate(t, Config{Orders: 1000, PriceMoves: 100, Random: 3}, 2, 10)
	for _, trade := range p.trades {
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

// TestRun trades by the clock until its context ends.
func TestRun(t *testing.T) {
	p := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	config := Config{Orders: 2000, PriceMoves: 1000, Random: 7, Now: func() time.Time { return time.Unix(1, 0) }}
	go func() {
		defer close(ended)
		Run(ctx, p.desk, config)
	}()
	deadline := time.After(time.Minute)
	for p.done.Load() < 50 {
		select {
		case <-deadline:
			t.Fatal("no trades in a minute")
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	<-ended
	first := simulate(t, config, 1, 1).trades
	if n := min(len(first), len(p.trades)); n < 50 || !slices.Equal(first[:n], p.trades[:n]) {
		t.Errorf("by the clock the first %d trades are others", n)
	}
	if (Config{}).Active() || !config.Active() {
		t.Error("Active")
	}
}
