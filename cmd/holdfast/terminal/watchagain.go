package terminal

import (
	"context"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// reconnect tries until it has a connection. It returns false if ctx ends first, or if the server
// does not let the customer in any more.
func (f *feed) reconnect(ctx context.Context) bool {
	old := f.connection()
	_ = old.Close() // always nil; now all its pushes are counted
	if client.Denied(old.Err()) {
		return f.giveUp(old.Err())
	}
	f.mu.Lock()
	f.missed += old.Dropped()
	f.link.why = OneLine(old.Err().Error())
	f.mu.Unlock()
	pauses := new(client.Backoff)
	for pause := pauses.First(old); ; pause = pauses.Next() {
		if !f.await(ctx, pause) {
			return false
		}
		err := f.again(ctx, old)
		switch {
		case err == nil:
			return true
		case client.Denied(err):
			return f.giveUp(loginError(f.options.Customer, err))
		}
		f.mu.Lock()
		f.link.why = OneLine(err.Error())
		f.mu.Unlock()
	}
}

// giveUp records why the feed does not reconnect any more, and returns false.
func (f *feed) giveUp(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = Advise(err)
	return false
}

// await waits before an attempt, and makes a frame come each second. It returns false if ctx ends
// first.
func (f *feed) await(ctx context.Context, d time.Duration) bool {
	until := time.Now().Add(d)
	f.setState(linkWaiting, until)
	for left := d; left > 0; left = time.Until(until) {
		if !pause(ctx, min(left, time.Second)) {
			return false
		}
		f.touch()
	}
	f.setState(linkConnecting, until)
	return ctx.Err() == nil
}

func (f *feed) setState(s linkState, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.link.state, f.link.until = s, until
	f.touch()
}

// again reconnects once.
func (f *feed) again(ctx context.Context, old *client.Client) error {
	before := old.View().Display().Sequence
	next, welcome, err := old.Reconnect(ctx, f.options.Customer, f.options.Credential)
	if err != nil {
		return err
	}
	if !welcome.Resumed {
		why := "a new snapshot"
		if text := welcome.Why.Text(); text != "" {
			why = text
		}
		if err = f.use(next, "snapshot"); err == nil {
			f.say(Yellow, "reconnected: "+why)
		}
	} else if err = f.resumed(ctx, next); err == nil {
		missed := next.View().Display().Sequence - before
		f.mu.Lock()
		f.connected(next, "resumed")
		f.mu.Unlock()
		f.say(Green, fmt.Sprintf("reconnected and resumed: %s had been missed", plural(missed, "push", "pushes")))
	}
	if err != nil {
		_ = next.Close() // always nil
	}
	return err
}

// resumed waits until the missed pushes have come, which is before the reply to any request.
func (f *feed) resumed(ctx context.Context, next *client.Client) error {
	if !f.follows() {
		return next.Heartbeat(ctx)
	}
	list, err := next.Quotes(ctx, nil, true)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range list {
		f.reprice(client.Quote{Key: i.Key, LastPrice: i.LastPrice})
	}
	return err
}
