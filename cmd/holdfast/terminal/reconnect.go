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
	away bool     // the connection is lost and there is no new one yet
	late []string // lines for missed pushes
	lost error    // why the shell does not try any more
}

// keep reconnects after a lost connection, until stop. It ends the reading of lines when
// ctx ends, or when the connection ends and the shell does not reconnect.
func (sh *shell) keep(ctx context.Context) (stop func()) {
	work, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-work.Done():
			case <-sh.connection().Done():
			}
			if ctx.Err() == nil && work.Err() != nil {
				return // the shell is leaving
			}
			if ctx.Err() != nil || !sh.again.on || !sh.reconnect(work) {
				sh.screen.interrupt()
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
	for pauses := new(client.Backoff); ; {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pauses.Next()):
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
	sh.print(sh.style(Red, OneLine(why.Error())+"; reconnecting") + "\n")
}

// connected continues on the next connection. First it shows the missed pushes.
func (sh *shell) connected(ctx context.Context, next *client.Client, welcome client.Welcome) {
	sh.mu.Lock()
	sh.client, sh.again.away = next, false
	missed := "missed pushes follow"
	switch {
	case welcome.Why == client.SnapshotHistoryReset:
		missed = welcome.Why.Text()
		sh.own = nil // no push will name an order of the earlier history
	case !welcome.Resumed:
		missed = welcome.Why.Text() + "; see \"history\""
	}
	sh.print(fmt.Sprintf("reconnected, session %d; %s\n", next.Hello().UID, missed))
	for _, line := range sh.again.late {
		sh.print(line)
	}
	sh.again.late = nil
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

// watchAgain continues a watch on the next connection. A server that was reset may not have
// those instruments; after another error this connection ends, too.
func (sh *shell) watchAgain(ctx context.Context, next *client.Client, watching []client.Key) {
	if _, err := next.Quotes(ctx, watching, true); errors.Is(err, client.ErrRejected) {
		sh.follow(nil, nil)
		sh.complain(fmt.Errorf("watch: %w", err))
	}
}
