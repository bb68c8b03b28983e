package desk_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// playSeed has markets of all kinds: with and without depth, fees, lots, band and settlement.
const playSeed = `{
  "format": 1,
  "markets": [
    {"market": "THIN", "depth": 100, "band": "20%", "commission": "0.1%", "commission_minimum": "0.50", "fees_in_cost": true},
    {"market": "EAST", "lot": 10, "minimum_lot": 20, "sell_tax": "0.05%", "commission": "0.03%", "shares_settle": "T+1", "cash_settle": "T+1"},
    {"market": "DEEP"}
  ],
  "instruments": [
    {"market": "THIN", "code": "1", "name": "Tin", "last": "10.00"},
    {"market": "EAST", "code": "2", "name": "Rail", "last": "10.00", "depth": 40},
    {"market": "DEEP", "code": "3", "name": "Mills", "last": "10.00"}
  ],
  "customers": [
    {"customer": 100001, "name": "Alice", "cash": "20000.00", "positions": [{"market": "EAST", "code": "2", "quantity": 205, "average_cost": "9.99"}]},
    {"customer": 100002, "name": "Bob", "cash": "20000.00", "positions": [{"market": "THIN", "code": "1", "quantity": 500, "average_cost": "10.00"}]},
    {"customer": 100003, "name": "Carol", "cash": "1000000.00"}
  ]
}`

// player executes random commands.
type player struct {
	d      *opened
	turn   *desk.Turn
	random *rand.Rand
	clock  *atomic.Int64 // seconds
	done   map[string]int
}

func newPlayer(d *opened, seed uint64, clock *atomic.Int64) *player {
	return &player{d: d, turn: d.NewTurn(), random: rand.New(rand.NewPCG(seed, 7)), clock: clock, done: make(map[string]int)}
}

// price returns a price around the last one, sometimes far away.
func (p *player) price(id ledger.InstrumentID) ledger.Price {
	spread := 60
	if p.random.IntN(20) == 0 {
		spread = 800
	}
	return max(p.d.Market().Last(id)/100*100+ledger.Price(p.random.IntN(2*spread)-spread)*100, 100)
}

func (p *player) order(now int64) (o ledger.NewOrder) {
	o.Side, o.Instrument = ledger.Side(1+p.random.IntN(2)), ledger.InstrumentID(p.random.IntN(3))
	o.Quantity = ledger.Quantity(1 + p.random.IntN(120))
	if p.random.IntN(4) > 0 {
		o.Quantity = o.Quantity/10*10 + 20
	}
	o.Type = ledger.OrderType(1 + p.random.IntN(4))
	o.TimeInForce = ledger.TimeInForce(1 + p.random.IntN(5))
	if o.Type == ledger.Market || o.Type.HasStop() {
		o.TimeInForce = ledger.Day
	}
	if o.Type.HasLimit() {
		o.Price = p.price(o.Instrument)
	}
	if o.Type.HasStop() {
		o.Stop = p.price(o.Instrument)
	}
	if o.TimeInForce == ledger.GoodTillDate {
		o.Expires = now + int64(1+p.random.IntN(500))*1_000_000_000
	}
	if p.random.IntN(3) == 0 {
		o.ClientOrderID, _ = ledger.ParseClientOrderID("id " + strconv.Itoa(p.random.IntN(100_000)))
	}
	o.Held = p.random.IntN(40) == 0
	o.Terms.Time = now
	return o
}

// someOrder returns a working order, or one that may not work any more.
func (p *player) someOrder(l *ledger.Account) (o ledger.Order) {
	if all, _ := l.OrdersFrom(nil, 0, 200); len(all) > 0 && p.random.IntN(10) > 0 {
		return all[p.random.IntN(len(all))]
	}
	o, _, _ = l.FindOrder(ledger.NewOrderID(l.Customer(), uint32(1+p.random.IntN(int(l.LastOrder()+1)))))
	return o
}

// command executes one command of a customer.
func (p *player) command(t *desk.Turn, now int64) (name string, err error) {
	l := t.Ledger()
	switch n := p.random.IntN(100); {
	case n < 60:
		o := p.order(now)
		if t.Parts = 0; p.random.IntN(10) == 0 {
			t.Parts = 3
		}
		_, err = t.Place(&o)
		return "place", err
	case n < 72:
		_, err = t.Cancel(p.someOrder(l).ID, ledger.ByClient, now)
		return "cancel", err
	case n < 88:
		o := p.someOrder(l)
		r := ledger.Replacement{Order: o.ID, Quantity: o.Quantity, Price: o.Price, Stop: o.Stop, TimeInForce: ledger.GoodTillCancelled}
		switch p.random.IntN(3) {
		case 0:
			r.Quantity = max(o.Quantity+ledger.Quantity(p.random.IntN(80)-40)/10*10, 1)
		case 1:
			r.Price += ledger.Price(p.random.IntN(40)-20) * 100
		case 2:
			r.TimeInForce = ledger.Day
		}
		r.Terms.Time = now
		_, err = t.Replace(&r)
		return "replace", err
	case n < 93:
		_, err = t.Fill(p.someOrder(l).ID, ledger.Offer{Quantity: ledger.Quantity(p.random.IntN(30)), Price: p.price(0)}, now)
		return "fill", err
	case n < 95:
		o := p.someOrder(l)
		_, err = t.FillLate(&o, ledger.Offer{Quantity: 5, Price: 10_0000}, now)
		return "fill late", err
	case n < 96:
		id := ledger.InstrumentID(p.random.IntN(3))
		_, err = t.CancelAll(func(o *ledger.Order) bool { return o.Instrument == id }, ledger.ByOperator, now)
		return "cancel all", err
	case n == 96 && p.random.IntN(40) == 0:
		_, err = t.Reset("again", now)
		return "reset", err
	}
	_, err = t.Deposit(ledger.Money(p.random.IntN(20_000_000)-6_000_000), "", now)
	return "deposit", err
}

// correct busts or corrects an execution, mostly one that is in memory.
func (p *player) correct(a *desk.Account, now int64) (name string, err error) {
	var id ledger.ExecutionID
	a.View(func(l *ledger.Account) {
		last := int(l.LastExecution())
		back := p.random.IntN(min(last, 40) + 1)
		if p.random.IntN(10) == 0 {
			back = p.random.IntN(last + 1)
		}
		id = ledger.NewExecutionID(a.Customer(), uint32(max(last-back, 1)))
	})
	var refused error
	err = p.d.WithPast(p.d.t.Context(), a, p.turn, []ledger.ExecutionID{id}, func(t *desk.Turn, past ledger.Past) {
		name = "correct"
		if p.random.IntN(3) == 0 {
			c := ledger.Correction{Execution: id, Quantity: ledger.Quantity(1 + p.random.IntN(60)), Price: p.price(0), Past: past, Terms: ledger.Terms{Time: now}}
			_, refused = t.Correct(&c)
			return
		}
		name = "bust"
		b := ledger.Bust{
			Executions: []ledger.ExecutionID{id}, Cascade: p.random.IntN(2) == 0, Reopen: p.random.IntN(2) == 0, Past: past,
			Terms: ledger.Terms{Time: now},
		}
		_, refused = t.Bust(&b)
	})
	return name, errors.Join(err, refused)
}

// act executes a random command of a random customer.
func (p *player) act() {
	now := timeOf(int(p.clock.Add(1)))
	a := p.d.Accounts()[p.random.IntN(3)]
	var name string
	var err error
	if p.random.IntN(200) == 0 {
		name, err = p.correct(a, now)
	} else {
		must(p.d.t, p.d.InTurn(p.d.t.Context(), a, p.turn, func(t *desk.Turn) { name, err = p.command(t, now) }))
	}
	p.count(name, err)
}

func (p *player) count(name string, err error) {
	switch {
	case err == nil:
		p.done[name]++
	case errors.As(err, new(ledger.Refusal)), errors.Is(err, ledger.ErrDuplicate), errors.Is(err, desk.ErrCatchingUp): // too many events meanwhile
		p.done[name+" refused"]++
	default:
		p.d.t.Errorf("%s: %v", name, err)
	}
}

// drive moves prices, and does what the driver and operators do.
func (p *player) drive() {
	now := timeOf(int(p.clock.Load()))
	ctx, id := p.d.t.Context(), ledger.InstrumentID(p.random.IntN(3))
	limits := p.d.Market().Limits(id)
	price := min(max(p.d.Market().Last(id)+ledger.Price(p.random.IntN(41)-20)*100, limits.Low, 5_0000), limits.High, 20_0000)
	var name string
	var err error
	switch n := p.random.IntN(100); {
	case n < 80:
		name, err = "price", p.d.SetPrice(ctx, id, price, now)
	case n < 90:
		name, err = "expire", p.d.ExpireDue(ctx, now)
	case n < 92:
		name, err = "jump", p.d.Jump(ctx, id, price, now)
	case n < 94:
		name, err = "close", p.d.CloseDay(ctx, p.d.Market().At(id).Rules, now)
	default:
		name, err = "halt", p.d.Halt(ctx, []ledger.InstrumentID{id}, n < 95, now)
	}
	p.count(name, err)
}

// checkAccounts checks what must hold for every account at any time.
func (d *opened) checkAccounts() {
	d.t.Helper()
	for _, a := range d.Accounts() {
		var cash, want ledger.Money
		a.View(func(l *ledger.Account) {
			cash = l.Cash()
			want = l.Opening().Cash + l.Deposits() + l.Realised() - l.Fees()
			for _, h := range l.Opening().Holdings {
				want += h.Cost
			}
			for _, row := range l.Positions(nil) {
				cash += row.Cost
			}
		})
		if cash != want {
			d.t.Errorf("%d: cash and costs are %s, deposits, profit and fees say %s", a.Customer(), cash, want)
		}
	}
}

// checkPositions computes every position from the executions that are not busted.
func (d *opened) checkPositions() {
	d.t.Helper()
	for _, a := range d.Accounts() {
		executions := d.executions(a)
		for n := range d.Market().Len() {
			id := ledger.InstrumentID(n)
			var position ledger.Position
			var start ledger.Holding
			var left []ledger.Execution
			a.View(func(l *ledger.Account) {
				position, _ = l.Position(id)
				for _, h := range l.Opening().Holdings {
					if h.Instrument == id {
						start = h
					}
				}
				for i := range executions {
					if _, busted := l.FindBust(executions[i].ID); !busted && executions[i].Instrument == id && executions[i].ID.Number() > l.ResetAt() {
						left = append(left, executions[i])
					}
				}
			})
			f, ok := ledger.Refold(start, left)
			if f.Quantity == 0 { // no row, which has no profit
				f.Realised = 0
			}
			if want := (ledger.Position{Instrument: id, Quantity: f.Quantity, Cost: f.Cost, Realised: f.Realised}); !ok || len(f.Short) > 0 || position != want {
				d.t.Errorf("%d: %+v, the executions lead to %+v", a.Customer(), position, want)
			}
		}
	}
}

// executions returns all executions of an account, newest first.
func (d *opened) executions(a *desk.Account) (all []ledger.Execution) {
	d.t.Helper()
	q := desk.Query{Limit: 1000}
	for {
		page, next, err := d.Executions(d.t.Context(), a, q)
		must(d.t, err)
		if all = append(all, page...); next == 0 {
			return all
		}
		q.Before = next
	}
}

// checkAll checks the accounts, the books and the journal, and that a restart changes nothing. It
// returns the desk after it.
func (d *opened) checkAll(way way) *opened {
	d.t.Helper()
	d.checkAccounts()
	d.checkPositions()
	d.checkBooks()
	state, seed := d.StateHash(), d.setup.seed
	if d.replica(seed).StateHash() != state {
		d.t.Error("the journal alone results in another state")
	}
	again := open(d.t, way.do(d))
	if again.StateHash() != state {
		d.t.Error("the state is another one after the next start")
	}
	for n := range d.Market().Len() {
		id := ledger.InstrumentID(n)
		was, is := d.Market(), again.Market()
		wasClose, wasAt := was.PreviousClose(id)
		isClose, isAt := is.PreviousClose(id)
		if was.Halted(id) != is.Halted(id) || wasClose != isClose || wasAt != isAt {
			d.t.Errorf("instrument %d: halted %v, previous close %s of %d; was %v, %s of %d", id, is.Halted(id), isClose, isAt, was.Halted(id), wasClose, wasAt)
		}
	}
	again.checkBooks()
	return again
}

// TestRandomTradingAtTheSameTime: customers, operators and the driver at the same time.
func TestRandomTradingAtTheSameTime(t *testing.T) {
	const goroutines, commands = 6, 800
	d := open(t, setup{seed: playSeed, recent: 40})
	var clock atomic.Int64
	for round, way := range ways {
		players := make([]*player, goroutines)
		var work, driving sync.WaitGroup
		var ended atomic.Bool
		for n := range players {
			players[n] = newPlayer(d, uint64(round*100+n), &clock)
			work.Go(func() {
				for range commands {
					players[n].act()
				}
			})
		}
		driver := newPlayer(d, uint64(round), &clock)
		driving.Go(func() {
			for !ended.Load() {
				driver.drive()
			}
		})
		driving.Go(func() {
			for !ended.Load() {
				must(t, d.SaveCheckpoint(t.Context()))
			}
		})
		work.Wait()
		ended.Store(true)
		driving.Wait()
		for _, p := range players[1:] {
			for name, n := range p.done {
				players[0].done[name] += n
			}
		}
		t.Logf("%s: %v %v", way.name, players[0].done, driver.done)
		d = d.checkAll(way)
	}
}

// TestRandomTrading: many commands, one after the other: what was live is what a replay and a
// restart result in. HOLDFAST_LONG sets how many commands.
func TestRandomTrading(t *testing.T) {
	commands := 100_000
	if testing.Short() || raceDetector {
		commands = 10_000
	}
	if text := os.Getenv("HOLDFAST_LONG"); text != "" {
		var err error
		commands, err = strconv.Atoi(text)
		must(t, err)
	}
	d := open(t, setup{seed: playSeed, recent: 100})
	var clock atomic.Int64
	p := newPlayer(d, 1, &clock)
	for n := range commands {
		p.act()
		if n%3 == 0 {
			p.drive()
		}
		if n%(commands/8) == commands/9 {
			d.checkAccounts()
			d.checkBooks()
			if n > commands/2 {
				must(t, d.SaveCheckpoint(t.Context()))
			}
		}
	}
	t.Logf("%v", p.done)
	d.checkAll(ways[1]).checkAll(ways[2])
}
