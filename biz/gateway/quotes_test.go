package gateway_test

import (
	"context"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/simulation"
)

func (tr *trader) quotes(subscribe bool, keys ...client.Key) []client.Instrument {
	tr.t.Helper()
	list, err := tr.Quotes(tr.t.Context(), keys, subscribe)
	must(tr.t, err)
	return list
}

func TestLastPrices(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(dave)
	s.service.MovePrice(railID, 75_5000)
	want := []client.Instrument{
		{Key: tin, Name: "Tin", LotSize: 1, MinimumLot: 1, PriceTick: 100, LastPrice: 10_0000},
		{Key: rail, Name: "Rail", LotSize: 1, MinimumLot: 1, PriceTick: 100, LastPrice: 75_5000},
		{Key: mills, Name: "Mills", LotSize: 100, MinimumLot: 100, PriceTick: 100, LastPrice: 2_5000},
		{Key: gold, Name: "Gold", LotSize: 1, MinimumLot: 1, PriceTick: 100, LastPrice: 1_000_000_000_0000},
	}
	all := tr.quotes(false)
	for n, i := range want {
		if len(all) != len(want) || all[n] != i {
			t.Fatalf("all: %+v, want %+v", all, want)
		}
		if one := tr.quotes(false, i.Key); len(one) != 1 || one[0] != i {
			t.Errorf("%s: %+v, want %+v", i.Key, one, i)
		}
	}
	if x := tr.buy(rail, 1); x.Price != 75_5000 {
		t.Errorf("bought at %s, the last price is 75.50", x.Price)
	}
}

// TestQuotePushes: subscribers get the last of several price moves of the instruments that they
// have subscribed, until they end the subscription.
func TestQuotePushes(t *testing.T) {
	s := start(t, setup{})
	all, one, none, ended, replaced := s.login(dave), s.login(dave), s.login(dave), s.login(dave), s.login(dave)
	all.quotes(true)
	one.quotes(true, rail)
	ended.quotes(true)
	ended.quotes(false)
	replaced.quotes(true, tin, rail)
	replaced.quotes(true, mills)
	expect := func(tr *trader, key client.Key, price client.Price) {
		t.Helper()
		p := tr.push()
		q, ok := p.Event.(client.Quote)
		if !ok || p.Sequence != 0 || q.Key != key || q.LastPrice != price || q.Time.IsZero() {
			t.Errorf("push %+v, want %s at %s", p, key, price)
		}
	}
	move := func(id ledger.InstrumentID, key client.Key, price client.Price) {
		t.Helper()
		s.service.MovePrice(id, ledger.Price(price))
		expect(all, key, price)
	}
	move(tinID, tin, 10_0100)
	move(railID, rail, 74_0100)
	expect(one, rail, 74_0100)
	move(tinID, tin, 10_0200)
	move(millsID, mills, 2_5100)
	expect(replaced, mills, 2_5100)
	for _, tr := range []*trader{all, one, none, ended, replaced} {
		tr.noPush()
	}
	if n := s.service.Subscribers(); n != 3 {
		t.Errorf("%d subscribers, want 3", n)
	}
	must(t, one.Logout(t.Context()))
	must(t, replaced.Close())
	eventually(t, "the subscriptions to end", func() bool { return s.service.Subscribers() == 1 })
}

// stalled is a desk.CommitLog without a disk: output leaves at once, but each call of Durable
// waits until the test allows it.
type stalled struct {
	desk.CommitLog
	newOutbound func() desk.Outbound
	asked       chan struct{}
	durable     chan struct{}
}

func (l *stalled) Append(t *desk.Turn) {
	out := l.newOutbound()
	t.Out.MoveTo(out)
	out.Post()
}

func (l *stalled) Durable(ctx context.Context) error {
	select {
	case l.asked <- struct{}{}:
	case <-l.durable: // the test is over
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-l.durable:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *stalled) Accepts() bool               { return true }
func (l *stalled) Failed() error               { return nil }
func (l *stalled) Stats() journal.Stats        { return journal.Stats{} }
func (l *stalled) Close(context.Context) error { return nil }

// TestQuotesAreDurable: a price is pushed when the turns before it are durable, and the price
// after it later.
func TestQuotesAreDurable(t *testing.T) {
	log := &stalled{asked: make(chan struct{}), durable: make(chan struct{})}
	s := start(t, setup{turnLog: func(_ *history.Store, o desk.CommitLogOptions) desk.CommitLog {
		log.newOutbound = o.NewOutbound
		return log
	}})
	t.Cleanup(func() { close(log.durable) }) // before the stop
	tr := s.login(dave)
	tr.quotes(true, rail)
	prices := []client.Price{74_0100, 73_0100}
	s.service.MovePrice(railID, ledger.Price(prices[0]))
	for n, price := range prices {
		select {
		case <-log.asked:
		case <-time.After(patience):
			t.Fatal("the publisher does not wait for the disk")
		}
		tr.noPush()
		s.service.MovePrice(railID, ledger.Price(prices[min(n+1, 1)])) // during the wait
		log.durable <- struct{}{}
		if q, ok := tr.push().Event.(client.Quote); !ok || q.LastPrice != price {
			t.Errorf("push %+v, want %s", q, price)
		}
	}
}

// TestRepricedOnlyWhatIsHeld: a price move reprices the positions in the instrument; these
// pushes have no number.
func TestRepricedOnlyWhatIsHeld(t *testing.T) {
	s := start(t, setup{})
	holder, other, watcher := s.login(bob), s.login(alice), s.login(dave)
	watcher.quotes(true)
	s.service.MovePrice(railID, 75_0000)
	watcher.push() // bob and alice have what they get by now, or get nothing
	s.service.MovePrice(tinID, 12_0000)
	p := holder.push()
	u, ok := p.Event.(client.PositionUpdate)
	if !ok || p.Sequence != 0 || u.Change != client.Repriced || u.Position.Key != tin || u.Position.MarketValue != 1200_0000 || u.Position.Unrealised != 300_0000 {
		t.Errorf("push %+v", p)
	}
	watcher.push()
	holder.noPush()
	other.noPush()
	x := holder.buy(tin, 1)
	if p := holder.push(); p.Sequence != 1 || p.Event != client.Event(x) || x.Price != 12_0000 {
		t.Errorf("push %+v", p)
	}
}

// TestPricesMove: a repeated order gets its first reply whatever the price is now. After a
// restart the last price is that of the last trade.
func TestPricesMove(t *testing.T) {
	moving := setup{simulation: simulation.Config{PriceMoves: 2000, Random: 1}}
	s := start(t, moving)
	tr := s.login(alice)
	price := func() client.Price {
		quotes, err := tr.Quotes(t.Context(), []client.Key{tin}, false)
		must(t, err)
		return quotes[0].LastPrice
	}
	seeded := price()
	eventually(t, "another price than the seed's", func() bool { return price() != seeded })
	o := client.Order{ClientOrderID: "once", Side: client.Buy, Key: tin, Quantity: 10}
	first := tr.place(o)
	for first.Executions[0].Price == seeded { // it has moved back meanwhile
		o.ClientOrderID += "+"
		first = tr.place(o)
	}
	eventually(t, "a move", func() bool { return price() != first.Executions[0].Price })
	if again := tr.place(o); !again.Duplicate || again.Position != first.Position {
		t.Errorf("first %+v, again %+v", first.Position, again.Position)
	}
	s.stop()
	s = start(t, setup{dir: s.setup.dir, seed: s.setup.seed})
	tr = s.login(alice)
	if now := price(); now != first.Executions[0].Price {
		t.Errorf("last price %v after a restart, the last trade was at %v", now, first.Executions[0].Price)
	}
}
