package chaos

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"holdfast/biz/client"
)

// A watcher is a session of a customer that only receives pushes. When its connection
// ends, it reconnects and resumes after the last push it has seen. A push counts as an
// acknowledgement.
type watcher struct {
	trader *trader
	client *client.Client // nil before the first login

	mu     sync.Mutex
	addr   string // address of the server; it changes with each restart
	order  pushOrder
	counts watcherCounts
}

type watcherCounts struct {
	pushes  int
	resumed int // sessions that resumed
	missed  int // pushes that they had missed
	fresh   int // sessions that started with a snapshot
}

func (c *watcherCounts) add(d watcherCounts) {
	c.pushes += d.pushes
	c.resumed += d.resumed
	c.missed += d.missed
	c.fresh += d.fresh
}

const (
	watcherBuffer = 1 << 16 // pushes buffered while an account is compared
	// watcherPatience is how long the missed pushes may take.
	watcherPatience = 30 * time.Second
)

// resume logs in, for the first time or again. The session must receive all pushes that the account
// has had so far.
func (w *watcher) resume(ctx context.Context, addr string) error {
	w.mu.Lock()
	w.addr = addr
	w.mu.Unlock()
	if w.client == nil {
		return w.login(ctx)
	}
	w.close() // the view does not change any more
	before := w.client.View().Display().Sequence
	now, err := w.sequence(ctx)
	if err != nil {
		return err
	}
	next, welcome, err := w.client.Reconnect(ctx, w.trader.customer, client.DemoToken(w.trader.customer))
	if err != nil {
		return err
	}
	w.client = next
	return w.compare(ctx, welcome, resumption{resumed: welcome.Resumed, before: before, now: now})
}

func (w *watcher) login(ctx context.Context) (err error) {
	options := client.Options{OnPush: w.take, PushBuffer: watcherBuffer, Dial: w.dial}
	if w.client, err = client.Dial(ctx, w.addr, options); err != nil {
		return err
	}
	s, err := w.client.Login(ctx, w.trader.customer, client.DemoToken(w.trader.customer))
	if err == nil {
		w.from(s.Sequence)
	}
	return err
}

// dial connects to the server that runs now, not to the address of the first one.
func (w *watcher) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	w.mu.Lock()
	addr := w.addr
	w.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// sequence returns the sequence of the account's last push.
func (w *watcher) sequence(ctx context.Context) (uint64, error) {
	c, s, err := w.trader.dial(ctx, w.addr)
	if err != nil {
		return 0, err
	}
	return s.Sequence, c.Close()
}

// compare waits for the pushes that the session missed, and compares.
func (w *watcher) compare(ctx context.Context, welcome client.Welcome, r resumption) (err error) {
	if !welcome.Resumed {
		r.now = welcome.Snapshot.Sequence
		w.from(r.now)
		w.broken(r.wrong())
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, watcherPatience)
	defer cancel()
	d, _ := w.client.View().Wait(waiting, func(d *client.Display) bool { return d.Sequence >= r.now })
	r.got = d.Sequence
	if r.after, err = w.sequence(ctx); err != nil {
		return err
	}
	w.broken(r.wrong())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.resumed++
	w.counts.missed += int(r.now - r.before)
	return nil
}

// broken reports what is wrong with the pushes, if anything is.
func (w *watcher) broken(wrong string) {
	if wrong != "" {
		w.trader.r.Broken("%d %s", w.trader.customer, wrong)
	}
}

// from sets the sequence that the pushes follow.
func (w *watcher) from(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken(w.order.snapshot(sequence))
	w.counts.fresh++
}

// take handles each push.
func (w *watcher) take(p client.Push) {
	if broken, ok := p.Event.(client.SequenceBreak); ok {
		w.trader.r.Broken("%d: %v", w.trader.customer, broken)
		return
	}
	if p.Sequence == 0 {
		return
	}
	w.mu.Lock()
	w.broken(w.order.push(p.Sequence))
	w.counts.pushes++
	w.mu.Unlock()
	w.trader.mu.Lock()
	defer w.trader.mu.Unlock()
	switch event := p.Event.(type) {
	case client.Execution:
		w.trader.ledger.acknowledge(event)
	case client.ExecutionBusted:
		w.trader.ledger.undid(event.ID)
	case client.OrderUpdate:
		w.trader.ledger.observe(event.Order, true)
	}
}

// close ends the session, after the last push has been taken.
func (w *watcher) close() {
	if w.client == nil {
		return
	}
	w.client.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken(w.order.end())
}

// watch returns a watcher for every fourth trader.
func watch(traders []*trader) (all []*watcher) {
	for i := 0; i < len(traders); i += 4 {
		all = append(all, &watcher{trader: traders[i]})
	}
	return all
}

// resumeAll logs in all watchers again.
func resumeAll(ctx context.Context, addr string, watchers []*watcher) {
	for _, w := range watchers {
		if err := w.resume(ctx, addr); err != nil {
			check(fmt.Errorf("session of %d: %w", w.trader.customer, err))
		}
	}
}

// closeAll ends the sessions and returns what they have seen.
func closeAll(watchers []*watcher) (sum watcherCounts) {
	for _, w := range watchers {
		w.close()
		sum.add(w.counts)
	}
	return sum
}
