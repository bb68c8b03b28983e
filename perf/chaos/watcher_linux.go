package chaos

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"holdfast/biz/client"
)

// A watcher is a session of a customer that only looks on. When its connection is
// over it goes on behind the last push it has seen. What it was pushed counts as
// acknowledged.
type watcher struct {
	trader *trader
	client *client.Client // nil before the first login

	mu     sync.Mutex
	addr   string // of the server, which is another one after each restart
	last   uint64 // sequence of the last push, or of the snapshot
	counts watcherCounts
}

type watcherCounts struct {
	pushes, resumed, missed, afresh int
}

func (c *watcherCounts) add(d watcherCounts) {
	c.pushes += d.pushes
	c.resumed += d.resumed
	c.missed += d.missed
	c.afresh += d.afresh
}

const (
	// watcherReach is how many pushes a session may have missed to go on: two for
	// each of the 256 events that the server remembers of an account.
	watcherReach  = 2 * 256
	watcherBuffer = 1 << 16 // pushes that wait while an account is compared
	// watcherPatience is how long the missed pushes may take.
	watcherPatience = 10 * time.Second
)

// resume logs in again, or for the first time. Nobody trades meanwhile, so the
// session must be given all that the account has had by then, and nothing else.
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
	w.client.Close() // so that the view is as it stays
	before := w.client.View().Display().Sequence
	next, welcome, err := w.client.Reconnect(ctx, w.trader.customer, client.DemoToken(w.trader.customer))
	if err != nil {
		return err
	}
	w.client = next
	w.goOn(ctx, welcome, before, now)
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

// dial connects to the server that there is, wherever the one before was.
func (w *watcher) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	w.mu.Lock()
	addr := w.addr
	w.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// sequence is that of the account's last push.
func (w *watcher) sequence(ctx context.Context, addr string) (uint64, error) {
	c, s, err := w.trader.dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	return s.Sequence, c.Close()
}

// goOn compares what the session was given with what it missed: the pushes behind
// before, up to now.
func (w *watcher) goOn(ctx context.Context, welcome client.Welcome, before, now uint64) {
	r, customer := w.trader.r, w.trader.customer
	switch {
	case before > now:
		r.Broken("%d has seen push %d, and after the restart there are %d", customer, before, now)
	case !welcome.Resumed && before > 0 && now-before < watcherReach:
		r.Broken("%d was not given the pushes from %d to %d", customer, before+1, now)
	}
	if !welcome.Resumed {
		w.from(welcome.Snapshot.Sequence)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, watcherPatience)
	defer cancel()
	d, err := w.client.View().Wait(ctx, func(d *client.Display) bool { return d.Sequence >= now })
	if err != nil || d.Sequence != now {
		r.Broken("%d missed the pushes from %d to %d and was given those up to %d", customer, before+1, now, d.Sequence)
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
	w.counts.afresh++
}

// take is called with each push.
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
		w.trader.r.Broken("%d was pushed %d behind %d", w.trader.customer, p.Sequence, w.last)
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
		w.trader.ledger.bust(event.ID, true)
	}
}

// close ends the session; all that it was pushed has been taken then.
func (w *watcher) close() {
	if w.client != nil {
		w.client.Close()
	}
}

// watch gives every fourth of the traders a watcher.
func watch(traders []*trader) (all []*watcher) {
	for i := 0; i < len(traders); i += 4 {
		all = append(all, &watcher{trader: traders[i]})
	}
	return all
}

// resumeAll has all of them log in again.
func resumeAll(ctx context.Context, addr string, watchers []*watcher) error {
	for _, w := range watchers {
		if err := w.resume(ctx, addr); err != nil {
			return fmt.Errorf("session of %d: %w", w.trader.customer, err)
		}
	}
	return nil
}

// closeAll ends the sessions and gives what they have seen.
func closeAll(watchers []*watcher) (sum watcherCounts) {
	for _, w := range watchers {
		w.close()
		sum.add(w.counts)
	}
	return sum
}
