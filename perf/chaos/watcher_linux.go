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
	last   uint64 // sequence of the last push, or of the snapshot
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
	// watcherReach is how many pushes a session may have missed to resume: at least one for
	// each of the 256 events that the server remembers of an account.
	watcherReach  = 256
	watcherBuffer = 1 << 16 // pushes buffered while an account is compared
	// watcherPatience is how long the missed pushes may take.
	watcherPatience = 10 * time.Second
)

// resume logs in, for the first time or again. Nobody trades meanwhile: the session must
// receive exactly the pushes that the account has had so far.
func (w *watcher) resume(ctx context.Context, addr string) error {
	now, err := w.sequence(ctx, addr)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.addr = addr
	w.mu.Unlock()
	if w.client == nil {
		return w.login(ctx)
	}
	w.client.Close() // the view does not change any more
	before := w.client.View().Display().Sequence
	next, welcome, err := w.client.Reconnect(ctx, w.trader.customer, client.DemoToken(w.trader.customer))
	if err != nil {
		return err
	}
	w.client = next
	w.compare(ctx, welcome, before, now)
	return nil
}

func (w *watcher) login(ctx context.Context) (err error) {
	options := client.Options{OnPush: w.take, PushBuffer: watcherBuffer, Dial: w.dial}
	if w.client, err = client.Dial(ctx, w.addr, options); err != nil {
		return err
	}
	s, err := w.client.Login(ctx, w.trader.customer, client.DemoToken(w.trader.customer))
	w.from(s.Sequence)
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
func (w *watcher) sequence(ctx context.Context, addr string) (uint64, error) {
	c, s, err := w.trader.dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	return s.Sequence, c.Close()
}

// compare compares the pushes that the session received with those it missed: after
// before, up to now.
func (w *watcher) compare(ctx context.Context, welcome client.Welcome, before, now uint64) {
	r, customer := w.trader.r, w.trader.customer
	switch {
	case before > now:
		r.Broken("%d has seen push %d, but after the restart there are only %d", customer, before, now)
	case !welcome.Resumed && before > 0 && now-before < watcherReach:
		r.Broken("%d did not receive the pushes from %d to %d", customer, before+1, now)
	}
	if !welcome.Resumed {
		w.from(welcome.Snapshot.Sequence)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, watcherPatience)
	defer cancel()
	d, err := w.client.View().Wait(ctx, func(d *client.Display) bool { return d.Sequence >= now })
	if err != nil || d.Sequence != now {
		r.Broken("%d missed the pushes from %d to %d and received them only up to %d", customer, before+1, now, d.Sequence)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.resumed++
	w.counts.missed += int(now - before)
}

// from sets the sequence that the pushes follow.
func (w *watcher) from(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = sequence
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
	if p.Sequence != w.last+1 {
		w.trader.r.Broken("%d was pushed %d after %d", w.trader.customer, p.Sequence, w.last)
	}
	w.last = p.Sequence
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
	if w.client != nil {
		w.client.Close()
	}
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
