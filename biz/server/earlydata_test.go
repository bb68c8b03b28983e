package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// The customers with orders in the data folders of a819a6c, and the last batch of its stop.
const (
	dealer       = 100010 // starts with nothing
	holder       = 100002 // starts with positions
	latecomer    = 100004 // has orders only after the stop
	operator     = 900001
	stoppedBatch = 23
)

// earlyEvent is an event as `holdfast journal dump --json` of a819a6c prints it.
type earlyEvent struct {
	Batch         uint64          `json:"batch"`
	Kind          string          `json:"kind"`
	Time          time.Time       `json:"time"`
	Customer      ledger.Customer `json:"customer"`
	Event         uint64          `json:"event"`
	Execution     string          `json:"execution"`
	Order         string          `json:"order"`
	ClientOrderID string          `json:"client_order_id"`
	Side          string          `json:"side"`
	Instrument    string          `json:"instrument"`
	Quantity      ledger.Quantity `json:"quantity"`
	Price         string          `json:"price"`
	Reason        string          `json:"reason"`
}

// earlyEvents returns the events of a customer up to a batch, oldest first.
func earlyEvents(t *testing.T, c ledger.Customer, last uint64) (list []earlyEvent) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "a819a6c-events.jsonl"))
	must(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e earlyEvent
		must(t, json.Unmarshal(lines.Bytes(), &e))
		if e.Customer == c && e.Batch <= last {
			list = append(list, e)
		}
	}
	return list
}

// earlyServer is a running server on early data.
type earlyServer struct {
	*server.Server
	t    *testing.T
	dir  string
	from uint64 // the batch from which the start has replayed
}

// rebuilt is a log that passes on from which batch the accounts were rebuilt.
type rebuilt struct {
	slog.Handler
	from chan uint64
}

func (r rebuilt) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if record.Message == "accounts rebuilt" && a.Key == "from_batch" {
			r.from <- a.Value.Uint64()
		}
		return true
	})
	return nil
}

func (r rebuilt) Enabled(context.Context, slog.Level) bool { return true }

// startEarly starts a server on a folder with the newest events of each account in memory. Its clock
// stays at the newest event, so that no order expires.
func startEarly(t *testing.T, dir string, recent int) *earlyServer {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	return startEarlyWith(t, dir, recent, shipped)
}

func startEarlyWith(t *testing.T, dir string, recent int, with *seed.Seed) *earlyServer {
	t.Helper()
	log := rebuilt{Handler: slog.DiscardHandler, from: make(chan uint64, 1)}
	clock, err := market.NewClock(market.SteppedClock, 1, 1)
	must(t, err)
	s, err := server.Start(t.Context(), server.Config{
		Data: dir, Seed: with, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(log),
		Desk: desk.Config{RecentEvents: recent}, Clock: clock,
	})
	must(t, err)
	return &earlyServer{Server: s, t: t, dir: dir, from: <-log.from}
}

// login connects a client of a customer.
func (s *earlyServer) login(c client.Customer) *client.Client {
	s.t.Helper()
	conn, err := client.Dial(s.t.Context(), s.Addrs[0], client.Options{})
	must(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	_, err = conn.Login(s.t.Context(), c, client.DemoToken(c))
	must(s.t, err)
	return conn
}

// idOf returns the number of an instrument of ALFA or BETA.
func (s *earlyServer) idOf(name string) ledger.InstrumentID {
	s.t.Helper()
	for n := range s.Desk.Market().Len() {
		id := ledger.InstrumentID(n)
		if i := s.Desk.Market().At(id); i.Market+"/"+i.Code == name {
			return id
		}
	}
	s.t.Fatalf("no instrument %s", name)
	return 0
}

func (s *earlyServer) position(c ledger.Customer, instrument string) (p ledger.Position) {
	id := s.idOf(instrument)
	s.Desk.Account(c).View(func(l *ledger.Account) { p, _ = l.Position(id) })
	return p
}

// execution returns the execution of an early fill.
func (s *earlyServer) execution(e *earlyEvent) ledger.Execution {
	s.t.Helper()
	price, err := ledger.ParsePrice(e.Price)
	must(s.t, err)
	id, err := client.ParseExecutionID(e.Execution)
	must(s.t, err)
	order, err := client.ParseExecutionID(e.Order)
	must(s.t, err)
	name, err := ledger.ParseClientOrderID([]byte(e.ClientOrderID))
	must(s.t, err)
	side := ledger.Buy
	if e.Side == "sell" {
		side = ledger.Sell
	}
	return ledger.Execution{
		ID: ledger.ExecutionID(id), Order: ledger.OrderID(order), Time: e.Time.UnixNano(), Quantity: e.Quantity, Price: price,
		Instrument: s.idOf(e.Instrument), ClientOrderID: name, Side: side,
	}
}

// surviving returns the executions of a position that are not busted, and what it starts with.
func (s *earlyServer) surviving(c ledger.Customer, instrument string, last uint64) (start ledger.Holding, list []ledger.Execution) {
	s.t.Helper()
	events := earlyEvents(s.t, c, last)
	for i := range events {
		e := &events[i]
		if e.Instrument != instrument {
			continue
		}
		x := s.execution(e)
		if e.Kind == "fill" {
			list = append(list, x)
		} else {
			list = slices.DeleteFunc(list, func(other ledger.Execution) bool { return other.ID == x.ID })
		}
	}
	s.Desk.Account(c).View(func(l *ledger.Account) {
		for _, h := range l.Opening().Holdings {
			if h.Instrument == s.idOf(instrument) {
				start = h
			}
		}
	})
	return start, list
}

// hasEarlyEvents checks the history, and the events in memory with their push numbers, if all
// are there.
func (s *earlyServer) hasEarlyEvents(last uint64) {
	s.t.Helper()
	for _, c := range []ledger.Customer{dealer, holder, latecomer} {
		events := earlyEvents(s.t, c, last)
		a := s.Desk.Account(c)
		busts := make(map[ledger.ExecutionID]ledger.Busted)
		var fills []ledger.Execution
		for i := range events {
			if x := s.execution(&events[i]); events[i].Kind == "fill" {
				fills = append(fills, x)
			} else {
				busts[x.ID] = ledger.Busted{Number: events[i].Event, Time: events[i].Time.UnixNano(), Reason: events[i].Reason}
			}
		}
		page, next, err := s.Desk.Executions(s.t.Context(), a, desk.Query{})
		must(s.t, err)
		slices.Reverse(page)
		if len(page) > len(fills) { // of this release
			page = page[:len(fills)]
		}
		if next != 0 || len(page) != len(fills) {
			s.t.Fatalf("customer %d: %d executions, next %s, want %d", c, len(page), next, len(fills))
		}
		for i := range page {
			page[i].Cost = 0 // the accounts' hash has it
			if page[i] != fills[i] {
				s.t.Errorf("the history has %+v, want %+v", page[i], fills[i])
			}
			a.View(func(l *ledger.Account) {
				b, _ := l.FindBust(fills[i].ID)
				if b.Number <= uint64(len(events)) && b != busts[fills[i].ID] { // else this release has busted it
					s.t.Errorf("bust of %s: %+v, want %+v", fills[i].ID, b, busts[fills[i].ID])
				}
			})
		}
		a.View(func(l *ledger.Account) {
			inMemory, all := l.EventsAfter(nil, 0)
			if want := uint64(2 * len(events)); all && len(inMemory) == len(events) && l.LastPush() != want {
				s.t.Errorf("customer %d: last push %d, want %d", c, l.LastPush(), want)
			}
			for i := range events {
				if !all {
					break
				}
				if e := &inMemory[i]; e.Number != events[i].Event || e.Push != 2*e.Number-1 || e.Pushes() != 2 || e.Text != events[i].Reason {
					s.t.Errorf("customer %d: event %d has push %d and %d more, reason %q", c, e.Number, e.Push, e.Pushes(), e.Text)
				}
			}
		})
	}
}

// balances checks that no money has appeared or got lost.
func (s *earlyServer) balances() {
	s.t.Helper()
	for _, a := range s.Desk.Accounts() {
		a.View(func(l *ledger.Account) {
			sum := l.Cash() - l.Opening().Cash - l.Deposits() - l.Realised() + l.Fees()
			for _, h := range l.Opening().Holdings {
				sum -= h.Cost
			}
			for _, p := range l.Positions(nil) {
				sum += p.Cost
			}
			if sum != 0 {
				s.t.Errorf("customer %d: %s more than there was", l.Customer(), sum)
			}
		})
	}
}

// retries places early orders again: each is answered as the first time.
func (s *earlyServer) retries(last uint64) {
	s.t.Helper()
	for _, c := range []ledger.Customer{dealer, holder} {
		conn := s.login(client.Customer(c))
		for _, e := range earlyEvents(s.t, c, last) {
			if e.ClientOrderID == "" || e.Kind != "fill" {
				continue
			}
			order := client.Order{ClientOrderID: e.ClientOrderID, Side: client.Sell, Key: keyOf(e.Instrument), Quantity: 1}
			if e.Side == "buy" {
				order.Side = client.Buy
			}
			placed, err := conn.PlaceOrder(s.t.Context(), order)
			must(s.t, err)
			if !placed.Duplicate || len(placed.Executions) != 1 || placed.Executions[0].ID.String() != e.Execution ||
				placed.Executions[0].Quantity != client.Quantity(e.Quantity) {
				s.t.Errorf("%s again: %+v", e.ClientOrderID, placed)
			}
		}
	}
}

func keyOf(instrument string) client.Key {
	return client.Key{Market: instrument[:4], Code: instrument[5:]}
}

// trade does with early data what this release can do: limit orders, a cancel, busts and a
// correction of early executions.
func (s *earlyServer) trade(last uint64) {
	s.t.Helper()
	ctx := s.t.Context()
	conn, boss := s.login(dealer), s.login(operator)
	const instrument = "ALFA/600100"
	held := s.position(dealer, instrument)
	price := client.Price(s.Desk.Market().Last(s.idOf(instrument)))
	resting, err := conn.PlaceOrder(ctx, client.Order{ClientOrderID: "rests", Side: client.Buy, Key: keyOf(instrument), Quantity: 4, Price: price / 2})
	must(s.t, err)
	ended, err := conn.PlaceOrder(ctx, client.Order{ClientOrderID: "ends", Side: client.Sell, Key: keyOf(instrument), Quantity: 1, Price: price * 2})
	must(s.t, err)
	_, err = conn.CancelOrder(ctx, client.OrderRef{ID: ended.Order})
	must(s.t, err)
	bought, err := conn.PlaceOrder(ctx, client.Order{ClientOrderID: "fills", Side: client.Buy, Key: keyOf(instrument), Quantity: 2, Price: price})
	must(s.t, err)
	if resting.Leaves != 4 || bought.Filled != 2 || s.position(dealer, instrument).Quantity != held.Quantity+2 {
		s.t.Errorf("%+v, %+v, %+v", resting, bought, s.position(dealer, instrument))
	}

	// A bust of an early sell: the position becomes that of the other executions alone.
	start, others := s.surviving(dealer, instrument, last)
	others = slices.DeleteFunc(others, func(x ledger.Execution) bool { return x.ID.Number() == 3 })
	newest := bought.Executions[0]
	others = append(others, ledger.Execution{
		ID: ledger.ExecutionID(newest.ID), Side: ledger.Buy, Quantity: 2, Price: ledger.Price(newest.Price), Instrument: s.idOf(instrument),
	})
	_, err = boss.Bust(ctx, client.ExecutionID(ledger.NewExecutionID(dealer, 3)), "an early sell")
	must(s.t, err)
	s.folded(dealer, instrument, start, others)

	// A correction of an early buy.
	const corrected = "BETA/300102"
	start, others = s.surviving(holder, corrected, last)
	at := slices.IndexFunc(others, func(x ledger.Execution) bool { return x.ID.Number() == 2 })
	others[at].Quantity, others[at].Price = 10, 16_0000
	_, err = boss.Correct(ctx, client.Correction{
		ID: client.ExecutionID(ledger.NewExecutionID(holder, 2)), Quantity: 10, Price: 16_0000, Reason: "fewer",
	})
	must(s.t, err)
	s.folded(holder, corrected, start, others)

	// The early bust of 100010-7 left a sell without shares before 100010-9.
	_, err = boss.Bust(ctx, client.ExecutionID(ledger.NewExecutionID(dealer, 9)), "blocked")
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Reason != client.ReasonBustBlocked ||
		!slices.Equal(refused.Blocking, []client.ExecutionID{client.ExecutionID(ledger.NewExecutionID(dealer, 8))}) {
		s.t.Errorf("bust of an execution with an early bust before it: %v", err)
	}
	s.balances()
}

// folded compares a position with what executions make of its start.
func (s *earlyServer) folded(c ledger.Customer, instrument string, start ledger.Holding, executions []ledger.Execution) {
	s.t.Helper()
	f, ok := ledger.Refold(start, executions)
	p := s.position(c, instrument)
	if !ok || len(f.Short) > 0 || p.Quantity != f.Quantity || p.Cost != f.Cost || p.Realised != f.Realised {
		s.t.Errorf("customer %d has %+v of %s, its executions make %+v", c, p, instrument, f)
	}
}

// killed returns a copy of the data folder as a kill would leave it.
func (s *earlyServer) killed() string {
	s.t.Helper()
	// Range waits until the history has everything, so nothing is written during the copy.
	_, err := s.Desk.Range(s.t.Context(), nil, 0, 0, 0)
	must(s.t, err)
	dir := s.t.TempDir()
	must(s.t, os.CopyFS(dir, os.DirFS(s.dir)))
	return dir
}

// TestEarlyDataTradesOn starts on data of the release before orders could work: with or without
// its history, with all events in memory or few, stopped or killed. What was there is as it was,
// and trading goes on.
func TestEarlyDataTradesOn(t *testing.T) {
	for name, last := range map[string]uint64{"a819a6c-stopped": stoppedBatch, "a819a6c-killed": 33} {
		for _, history := range []bool{true, false} {
			for _, recent := range []int{ledger.DefaultRecent, 2} {
				t.Run(caseName(name, history, recent), func(t *testing.T) {
					dir := t.TempDir()
					unpack(t, filepath.Join("testdata", name+".tar.gz"), dir)
					if !history {
						removeHistory(t, dir)
					}
					tradesOn(t, dir, last, recent)
				})
			}
		}
	}
}

func caseName(name string, history bool, recent int) string {
	if !history {
		name += ", without history"
	}
	if recent < ledger.DefaultRecent {
		name += ", few in memory"
	}
	return name
}

func tradesOn(t *testing.T, dir string, last uint64, recent int) {
	s := startEarly(t, dir, recent)
	if s.from != 1 {
		t.Errorf("replayed from batch %d", s.from)
	}
	s.hasEarlyEvents(last)
	s.balances()
	s.retries(last)
	s.trade(last)
	state, killed, batches := s.Desk.StateHash(), s.killed(), s.Journal.LastBatch()
	must(t, s.Stop())
	projected, replayed := t.TempDir(), t.TempDir()
	must(t, os.CopyFS(projected, os.DirFS(dir)))
	removeHistory(t, projected)
	must(t, os.CopyFS(replayed, os.DirFS(projected)))
	must(t, os.RemoveAll(filepath.Join(replayed, "checkpoints")))
	for _, again := range []struct {
		how, dir string
		from     uint64
	}{{"killed", killed, 1}, {"stopped", dir, batches + 1}, {"without history", projected, batches + 1}, {"from the journal alone", replayed, 1}} {
		s := startEarly(t, again.dir, recent)
		if s.Desk.StateHash() != state || s.from != again.from {
			t.Errorf("%s: another state, or replayed from batch %d, want %d", again.how, s.from, again.from)
		}
		s.hasEarlyEvents(last)
		s.retries(last)
		if orders, err := s.login(dealer).Orders(t.Context(), 0); err != nil || len(orders.Orders) != 1 || orders.Orders[0].ClientOrderID != "rests" {
			t.Errorf("%s: working orders %+v, %v", again.how, orders, err)
		}
		must(t, s.Stop())
	}
}

// removeHistory removes the history.
func removeHistory(t *testing.T, dir string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(dir, "history.db"+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
