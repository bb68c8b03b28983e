package terminal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// reconnecting is what a shell needs to reconnect.
type reconnecting struct {
	on         bool // if not, the shell ends with its connection
	customer   client.Customer
	credential client.Credential

	// Guarded by the shell's mu.
	away    bool   // the connection is lost and there is no new one yet
	late    []byte // lines for pushes that wait; limit: maxLate
	dropped int    // how many more there were
	lost    error  // why the shell does not try any more
}

// maxLate is far more than a server pushes at a login, in bytes.
const maxLate = 16 << 20

// postpone keeps the line of a push until showLate. The caller holds the shell's mu.
func (r *reconnecting) postpone(line string) {
	if len(r.late)+len(line) > maxLate {
		r.dropped++
		return
	}
	r.late = append(r.late, line...)
}

// keep reconnects after a lost connection, until stop. It ends the reading of lines when
// ctx ends, or when the connection ends and the shell does not reconnect.
func (sh *shell) keep(ctx context.Context) (stop func()) {
	return keepConnected(ctx,
		func() <-chan struct{} { return sh.connection().Done() },
		func(ctx context.Context) bool { return sh.again.on && sh.reconnect(ctx) },
		sh.screen.interrupt)
}

// keepConnected waits until the present connection is done and calls reconnect, again and
// again, until stop. When ctx ends, or reconnect returns false, it calls interrupt. All
// calls come from one goroutine, which has ended when stop returns.
func keepConnected(ctx context.Context, done func() <-chan struct{}, reconnect func(ctx context.Context) bool, interrupt func()) (stop func()) {
	work, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-work.Done():
			case <-done():
			}
			if ctx.Err() == nil && work.Err() != nil {
				return // the caller is leaving
			}
			if ctx.Err() != nil || !reconnect(work) {
				interrupt()
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// connection returns the present connection.
func (sh *shell) connection() *client.Client {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.client
}

// reconnect tries until it has a connection. It returns false if ctx ends first, or if
// the server does not let the customer in any more.
func (sh *shell) reconnect(ctx context.Context) bool {
	old := sh.connection()
	_ = old.Close() // always nil; now all its pushes are shown
	if err := old.Err(); client.Denied(err) {
		return sh.giveUp(err)
	}
	sh.lose(old.Err())
	pauses := new(client.Backoff)
	for pause := pauses.First(old); ; pause = pauses.Next() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		next, welcome, err := old.Reconnect(ctx, sh.again.customer, sh.again.credential)
		switch {
		case err == nil:
			sh.connected(ctx, next, welcome)
			return true
		case client.Denied(err):
			return sh.giveUp(loginError(sh.again.customer, err))
		}
	}
}

// giveUp records why the shell does not try any more, and returns false.
func (sh *shell) giveUp(err error) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.again.lost = Advise(err)
	return false
}

// lose reports that the connection is lost. Pushes that arrive from now on are shown after
// the reconnect.
func (sh *shell) lose(why error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.again.away = true
	sh.say(sh.style(Red, OneLine(why.Error())+"; reconnecting")+"\n", event{Event: "lost", Message: why.Error()})
}

// connected continues on the next connection. First it shows the missed pushes.
func (sh *shell) connected(ctx context.Context, next *client.Client, welcome client.Welcome) {
	sh.mu.Lock()
	head, server := "reconnected", ""
	if next.Addr() != sh.client.Addr() {
		server = next.Addr()
		head += " to " + server
	}
	sh.client, sh.dropped, sh.again.away = next, 0, false
	missed := "missed pushes follow"
	switch {
	case welcome.Why == client.SnapshotHistoryReset:
		missed = welcome.Why.Text()
		sh.own, sh.cancelling = nil, nil // no push will name an order of the earlier history
	case !welcome.Resumed:
		missed = welcome.Why.Text() + "; see \"history\""
	}
	sh.say(fmt.Sprintf("%s, session %d; %s\n", head, next.Hello().UID, missed),
		event{Event: "reconnected", Server: server, Resumed: welcome.Resumed, Message: missed, Body: next.Hello()})
	sh.showLate()
	if !welcome.Resumed {
		sh.tape.total, sh.tape.skip = welcome.Snapshot.MarketValue, false
	}
	watching := sh.watching
	sh.mu.Unlock()
	if !welcome.Resumed {
		sh.showAccount(welcome.Snapshot)
	}
	if watching != nil {
		sh.watchAgain(ctx, next, watching)
	}
}

// showLate shows the pushes that had to wait. The caller holds mu.
func (sh *shell) showLate() {
	if len(sh.again.late) > 0 {
		sh.print(string(sh.again.late))
	}
	if n := sh.again.dropped; n > 0 {
		text := fmt.Sprintf("%d more pushes came here and are not shown: they were too many", n)
		sh.say(sh.style(Red, text)+"\n", event{Event: "break", Message: text})
	}
	sh.again.late, sh.again.dropped = nil, 0
}

// watchAgain continues a watch on the next connection. A server that was reset may not have
// those instruments; after another error this connection ends, too.
func (sh *shell) watchAgain(ctx context.Context, next *client.Client, watching []client.Key) {
	if _, err := next.Quotes(ctx, watching, true); errors.Is(err, client.ErrRejected) {
		sh.follow(nil, nil)
		sh.complain(fmt.Errorf("watch: %w", err), 0)
	}
}
