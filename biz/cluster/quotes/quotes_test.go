package quotes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"holdfast/biz/cluster/quotes"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/simulation"
)

const seedText = `{
  "format": 1,
  "markets": [
    {"market": "EAST", "band": "10%", "hours": ["09:30-11:30", "13:00-15:00"]},
    {"market": "NOVA", "band": "20%"},
    {"market": "WEST"}
  ],
  "instruments": [
    {"market": "EAST", "code": "1", "name": "Tin", "last": "10.00", "depth": 50},
    {"market": "NOVA", "code": "2", "name": "Rail", "last": "20.00", "depth": 30},
    {"market": "WEST", "code": "1", "name": "Mills", "last": "5.00"}
  ],
  "customers": [
    {"customer": 100001, "name": "1", "cash": "1000000.00"},
    {"customer": 100002, "name": "2", "cash": "1000000.00"}
  ]
}`

const (
	tin, rail, mills = 0, 1, 2
	alice            = 100001
	patience         = 30 * time.Second
)

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).UnixNano()

// net is a message server.
type net struct {
	t *testing.T
	s *server.Server
}

func newNet(t *testing.T) *net {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, MaxPayload: 1 << 20})
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the message server does not start")
	}
	return &net{t, s}
}

func (n *net) connect() *nats.Conn {
	n.t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(n.s), nats.NoReconnect())
	must(n.t, err)
	n.t.Cleanup(conn.Close)
	return conn
}

func (n *net) mirror() *quotes.Mirror {
	n.t.Helper()
	m, err := quotes.NewMirror(n.connect(), slog.New(slog.DiscardHandler))
	must(n.t, err)
	n.t.Cleanup(m.Close)
	return m
}

// venue is a desk with its driver.
type venue struct {
	*desk.Desk
	t      *testing.T
	driver *simulation.Driver
	clock  *market.Clock // of a leader
	leader *quotes.Leader
	stop   func() // the driver, and the leader or the following
}

// open starts a desk on an empty folder.
func open(t *testing.T, file string, moved func(desk.MarketEvent)) *venue {
	t.Helper()
	dir := t.TempDir()
	s, err := seed.Parse("test.json", []byte(file))
	must(t, err)
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	d, err := desk.New(t.Context(), desk.Config{
		Seed: s, Journal: j, History: h, Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
		RecentEvents: 10_000, Moved: moved,
	})
	must(t, err)
	must(t, d.Start(desk.Hooks{}))
	v := &venue{Desk: d, t: t, stop: func() {}}
	t.Cleanup(func() {
		v.stop()
		ctx := context.Background()
		must(t, d.Close(ctx))
		must(t, h.Close())
		must(t, j.Close(ctx))
	})
	return v
}

// lead starts the leader of an epoch, with a stepped clock; from is what it goes on from, or nil.
func (n *net) lead(epoch uint64, c simulation.Config, from *quotes.Mirror) *venue {
	n.t.Helper()
	l := quotes.NewLeader()
	v := open(n.t, seedText, l.Moved)
	v.leader = l
	var err error
	v.clock, err = market.NewClock(market.SteppedClock, start, 1)
	must(n.t, err)
	log := slog.New(slog.DiscardHandler)
	v.driver = simulation.NewDriver(v.clock, c, log)
	if from != nil {
		must(n.t, from.Restore(n.t.Context(), v.Desk, v.clock))
	}
	must(n.t, l.Start(n.connect(), epoch, v.Desk, v.driver, log))
	v.run(l.Close)
	return v
}

// follow starts a desk that follows.
func (n *net) follow(m *quotes.Mirror) *venue {
	n.t.Helper()
	v := open(n.t, seedText, nil)
	v.driver = simulation.NewFollower(slog.New(slog.DiscardHandler))
	v.run(m.Follow(v.Desk, v.driver))
	return v
}

func (v *venue) run(then func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		v.driver.Run(ctx, v.Desk)
	}()
	v.stop = func() {
		cancel()
		<-ended
		then()
		v.stop = func() {}
	}
}

// step steps the clock, and waits until the others have come to the time.
func (v *venue) step(by time.Duration, others ...*venue) {
	v.t.Helper()
	must(v.t, v.driver.Step(v.t.Context(), by))
	for _, o := range others {
		eventually(v.t, "the time", func() bool { return o.driver.Reached() >= v.clock.Now() })
	}
}

// place places a limit order that rests; a refusal counts as its last event.
func (v *venue) place(o ledger.NewOrder, now int64) (refused error) {
	if o.TimeInForce == 0 {
		o.TimeInForce = ledger.GoodTillCancelled
	}
	o.Type, o.Terms.Time = ledger.Limit, now
	must(v.t, v.InTurn(v.t.Context(), v.Account(alice), v.NewTurn(), func(visit *desk.Turn) { _, refused = visit.Place(&o) }))
	return refused
}

// events returns the events of alice, the oldest first.
func (v *venue) events() (lines []string) {
	v.Account(alice).View(func(l *ledger.Account) {
		for _, e := range l.Recent(nil) {
			lines = append(lines, fmt.Sprint(e.Number, " ", time.Duration(e.Time-start), " ", e.Kind, " ", e.Order.ID, " ", e.Order.Filled, " ", e.Execution.Quantity, " at ", e.Execution.Price))
		}
	})
	slices.Reverse(lines)
	return lines
}

func (v *venue) filled() (n ledger.Quantity) {
	v.Account(alice).View(func(l *ledger.Account) {
		for _, e := range l.Recent(nil) {
			n += e.Execution.Quantity
		}
	})
	return n
}

// market returns everything about the market.
func (v *venue) market() (text string) {
	m := v.Market()
	for n := range m.Len() {
		id := ledger.InstrumentID(n)
		p, at := m.PreviousClose(id)
		text += fmt.Sprintln(m.At(id).Code, m.Last(id), p, at, m.Limits(id), m.Halted(id))
	}
	return text
}

// TestSameMarket: over days, with the random walk, jumps, halts, breaks and expiries, followers execute the
// same orders at the same prices and times as the leader.
func TestSameMarket(t *testing.T) {
	n := newNet(t)
	leader := n.lead(1, simulation.Config{PriceMoves: 0.5, Random: 3}, nil)
	here, there := n.mirror(), n.mirror()
	venues := []*venue{leader, n.follow(here), n.follow(there)}
	for _, m := range []*quotes.Mirror{here, there} {
		must(t, m.Wait(t.Context()))
	}
	random := rand.New(rand.NewPCG(1, 1))
	refused := make([]int, len(venues))
	for k := range 400 {
		at := start + int64(random.IntN(54*60))*int64(time.Minute) // over two days
		id := ledger.InstrumentID(k % 3)
		last := leader.Market().Last(id)
		p := last + ledger.Price(random.IntN(61)-30)*100
		switch {
		case k < 30: // as a script: before the orders of the same time
			leader.driver.At(at, func() { must(t, leader.Jump(t.Context(), id, p, at)) })
			continue
		case k < 40:
			leader.driver.At(at, func() { must(t, leader.Halt(t.Context(), []ledger.InstrumentID{id}, true, at)) })
			then := at + int64(random.IntN(200))*int64(time.Minute)
			leader.driver.At(then, func() { must(t, leader.Halt(t.Context(), []ledger.InstrumentID{id}, false, then)) })
			continue
		}
		o := ledger.NewOrder{Side: ledger.Buy, Instrument: id, Quantity: 70, Price: p}
		switch k % 4 {
		case 0:
			o.TimeInForce, o.Expires = ledger.GoodTillDate, at+int64(random.IntN(90)+1)*int64(time.Minute)
		case 1:
			o.TimeInForce = ledger.Day
		}
		for who, v := range venues {
			v.driver.At(at, func() {
				if v.place(o, at) != nil {
					refused[who]++
				}
			})
		}
	}
	for range 54 {
		must(t, leader.driver.Step(t.Context(), time.Hour))
	}
	leader.step(0, venues[1:]...)
	want := leader.events()
	for who, v := range venues {
		got := v.events()
		if !slices.Equal(got, want) || refused[who] != refused[0] || v.market() != leader.market() {
			for k := range min(len(got), len(want)) {
				if got[k] != want[k] {
					t.Errorf("event %d is %s, want %s", k, got[k], want[k])
					break
				}
			}
			t.Errorf("%d: %d events, want %d; refused %d; market\n%swant\n%s", who, len(got), len(want), refused[who], v.market(), leader.market())
		}
		if now := v.driver.Now().UnixNano(); now != leader.clock.Now() {
			t.Errorf("%d: it is %d", who, now)
		}
	}
	kinds := make(map[ledger.Kind]int)
	leader.Account(alice).View(func(l *ledger.Account) {
		for _, e := range l.Recent(nil) {
			kinds[e.Kind]++
		}
	})
	if kinds[ledger.KindFill] < 100 || kinds[ledger.KindExpire] < 10 || refused[0] < 20 {
		t.Errorf("not enough has happened: %v, %d refused", kinds, refused[0])
	}
	if err := venues[1].driver.Step(t.Context(), time.Second); !errors.Is(err, ledger.ErrNotStepped) {
		t.Errorf("a step of a follower: %v", err)
	}
}

// TestGap: messages that are lost, and instruments that a follower gets later, make it go on from the state,
// and execute what the new prices reach.
func TestGap(t *testing.T) {
	n := newNet(t)
	leader, follower := n.lead(1, simulation.Config{}, nil), n.follow(n.mirror())
	leader.step(2*time.Hour, follower)
	must(t, follower.place(ledger.NewOrder{Side: ledger.Buy, Instrument: mills, Quantity: 7, Price: 4_0000}, leader.clock.Now()))
	leader.leader.Moved(desk.MarketEvent{
		Kind: desk.MarketMoved, Time: leader.clock.Now(), Prices: slices.Repeat([]desk.InstrumentPrice{{Instrument: mills, Price: 3_9900}}, quotes.MaxPending+1),
	})
	eventually(t, "the order after a gap", func() bool { return follower.filled() == 7 })

	more := strings.NewReplacer(`"instruments": [`, `"instruments": [{"market": "WEST", "code": "9", "name": "Zinc", "last": "1.00"},`).Replace(seedText)
	s, err := seed.Parse("test.json", []byte(more))
	must(t, err)
	_, err = leader.Reload(s, func(*desk.Account) {})
	must(t, err)
	const zinc = 3
	must(t, leader.Jump(t.Context(), zinc, 1_2300, leader.clock.Now()))
	must(t, leader.Halt(t.Context(), []ledger.InstrumentID{zinc}, true, leader.clock.Now()))
	leader.step(time.Second, follower)
	s, err = seed.Parse("test.json", []byte(more))
	must(t, err)
	_, err = follower.Reload(s, func(*desk.Account) {})
	must(t, err)
	eventually(t, "the new instrument", func() bool { return follower.Market().Last(zinc) == 1_2300 && follower.Market().Halted(zinc) })
}

// TestHaltsAgree: a follower whose halts have another order than the leader's gets the leader's.
func TestHaltsAgree(t *testing.T) {
	n := newNet(t)
	leader, follower := n.lead(1, simulation.Config{}, nil), n.follow(n.mirror())
	leader.step(time.Hour, follower)
	must(t, follower.Halt(t.Context(), []ledger.InstrumentID{rail}, true, leader.clock.Now()))
	eventually(t, "the end of the halt", func() bool { return !follower.Market().Halted(rail) })
}

// TestNewLeader: a new leader goes on from the newest prices and time, and from jumps that only its journal
// has; followers execute what its prices reach. What the old one still says is left out.
func TestNewLeader(t *testing.T) {
	n := newNet(t)
	here := n.mirror()
	waits := n.follow(here)
	if now := waits.driver.Now().UnixNano(); now != 0 {
		t.Errorf("without a leader it is %d", now)
	}
	old := n.lead(5, simulation.Config{PriceMoves: 1, Random: 1}, nil)
	must(t, here.Wait(t.Context()))
	old.step(25*time.Hour, waits)
	must(t, old.Halt(t.Context(), []ledger.InstrumentID{rail}, true, old.clock.Now()))
	must(t, old.Jump(t.Context(), mills, 4_2000, old.clock.Now()))
	eventually(t, "the jump", func() bool { return waits.market() == old.market() })
	must(t, waits.place(ledger.NewOrder{Side: ledger.Buy, Instrument: mills, Quantity: 3, Price: 4_0000}, old.clock.Now()))

	// The journal of the new leader has a halt and a jump, both durable before the other one fell.
	l := quotes.NewLeader()
	next := open(t, seedText, l.Moved)
	must(t, next.Halt(t.Context(), []ledger.InstrumentID{rail}, true, old.clock.Now()))
	must(t, next.Jump(t.Context(), tin, 10_7700, old.clock.Now()+1))
	var err error
	next.clock, err = market.NewClock(market.SteppedClock, start, 1)
	must(t, err)
	must(t, here.Restore(t.Context(), next.Desk, next.clock))
	if now := next.clock.Now(); now != old.clock.Now()+1 {
		t.Errorf("the clock starts %s after the start", time.Duration(now-start))
	}
	if m := next.Market(); m.Last(mills) != 4_2000 || m.Last(rail) != old.Market().Last(rail) || m.Last(tin) != 10_7700 {
		t.Errorf("it goes on with %s; before it was %s", next.market(), old.market())
	}
	next.driver = simulation.NewDriver(next.clock, simulation.Config{}, slog.New(slog.DiscardHandler))
	must(t, l.Start(n.connect(), 6, next.Desk, next.driver, slog.New(slog.DiscardHandler)))
	next.run(l.Close)
	next.step(time.Second, waits)
	if waits.Market().Last(tin) != 10_7700 || !waits.Market().Halted(rail) || waits.filled() != 0 {
		t.Errorf("the follower has %sand filled %d", waits.market(), waits.filled())
	}
	must(t, old.Jump(t.Context(), mills, 3_0000, old.clock.Now()))
	must(t, old.Halt(t.Context(), []ledger.InstrumentID{mills}, true, old.clock.Now()))
	next.step(time.Second, waits)
	must(t, next.Jump(t.Context(), mills, 3_9900, next.clock.Now()))
	next.step(time.Second, waits)
	events := waits.events()
	if waits.Market().Last(mills) != 3_9900 || waits.filled() != 3 || !strings.HasSuffix(events[len(events)-1], "3 at 3.9900") || waits.Market().Halted(mills) {
		t.Errorf("the follower has %sand filled %d", waits.market(), waits.filled())
	}
	next.stop() // only the old one is left
	must(t, old.Jump(t.Context(), mills, 2_0000, old.clock.Now()))
	must(t, old.driver.Step(t.Context(), time.Hour))
	third := n.lead(7, simulation.Config{}, here)
	if m := third.Market(); m.Last(mills) != 3_9900 || waits.Market().Last(mills) != 3_9900 || third.clock.Now() != next.clock.Now() {
		t.Errorf("the third one goes on %s after the second one, with %s", time.Duration(third.clock.Now()-next.clock.Now()), third.market())
	}
}

// TestTimeNeverGoesBack: after a restart of all, the leader's clock goes on at the newest time that a desk
// knows; and a wall clock after the time of the last leader.
func TestTimeNeverGoesBack(t *testing.T) {
	n := newNet(t)
	m := n.mirror()
	v := open(t, seedText, nil)
	newest := start + (5 * time.Hour).Nanoseconds()
	must(t, v.place(ledger.NewOrder{Side: ledger.Buy, Instrument: mills, Quantity: 3, Price: 4_0000}, newest))
	wall, err := market.NewClock(market.WallClock, start, 1)
	must(t, err)
	must(t, m.Restore(t.Context(), v.Desk, wall)) // nothing is known: the computer's time
	if since := time.Since(time.Unix(0, wall.Now())); since < 0 || since > patience {
		t.Errorf("a wall clock starts %s ago", since)
	}
	v.driver = simulation.NewFollower(slog.New(slog.DiscardHandler))
	leader := n.lead(1, simulation.Config{}, nil)
	must(t, m.Wait(t.Context()))
	v.run(m.Follow(v.Desk, v.driver))
	eventually(t, "the time", func() bool { return leader.clock.Now() == newest && v.driver.Reached() == newest })
	leader.step(time.Second, v)
	must(t, m.Restore(t.Context(), v.Desk, wall))
	if after := wall.Now() - leader.clock.Now(); after < 0 || after > patience.Nanoseconds() {
		t.Errorf("a wall clock goes on %s after the leader's", time.Duration(after))
	}
}

// TestMoreThanAMessage: a state and events that are longer than a message arrive whole.
func TestMoreThanAMessage(t *testing.T) {
	n := newNet(t)
	var list []string
	for k := range 4000 {
		list = append(list, fmt.Sprintf(`{"market": "M%d", "code": "%050d", "name": "x", "last": "1.00"}`, k%3, k))
	}
	file := `{"format": 1, "instruments": [` + strings.Join(list, ",") + `], "customers": [{"customer": 100001, "name": "1", "cash": "1.00"}]}`
	l := quotes.NewLeader()
	leader := open(t, file, l.Moved)
	clock, err := market.NewClock(market.SteppedClock, start, 1)
	must(t, err)
	leader.driver = simulation.NewDriver(clock, simulation.Config{}, slog.New(slog.DiscardHandler))
	must(t, l.Start(n.connect(), 1, leader.Desk, leader.driver, slog.New(slog.DiscardHandler)))
	leader.run(l.Close)
	m := n.mirror()
	follower := open(t, file, nil)
	follower.driver = simulation.NewFollower(slog.New(slog.DiscardHandler))
	follower.run(m.Follow(follower.Desk, follower.driver))
	must(t, m.Wait(t.Context()))
	var ids []ledger.InstrumentID
	for id := range ledger.InstrumentID(4000) {
		if id%2 == 0 {
			ids = append(ids, id)
		}
	}
	must(t, leader.Halt(t.Context(), ids, true, start))
	eventually(t, "the halts", func() bool { return follower.Market().Halted(ids[len(ids)-1]) })
	if follower.market() != leader.market() {
		t.Error("the markets differ")
	}
}

// FuzzDecode: messages of strangers are refused or read; what was read is written as it was read.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 1})
	f.Add([]byte{1, 2, 3, 0, 1, 5, 9, 2, 2, 'M', 1, 'C', 7, 0, 1, 'D', 8})
	f.Add([]byte{1, 2, 3, 0, 1, 5, 9, 255, 255, 3})
	f.Fuzz(func(t *testing.T, message []byte) {
		again, prices, err := quotes.Decode(message)
		if err != nil || len(again) != 1 {
			return
		}
		once, same, err := quotes.Decode(again[0])
		if err != nil || same != prices || len(once) != 1 || !bytes.Equal(once[0], again[0]) {
			t.Errorf("%x is %x, and that is %x, %v", message, again, once, err)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
