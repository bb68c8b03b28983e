package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// The pause before a lost connection is made again doubles from the first of
// these to the second.
const (
	reconnectPause    = 250 * time.Millisecond
	reconnectPauseMax = 10 * time.Second
)

// reconnecting is what a shell needs to make its connection again.
type reconnecting struct {
	on         bool // else the end of the connection is the end of the shell
	customer   client.Customer
	credential client.Credential

	// Guarded by the shell's mu.
	away bool     // from the loss of a connection to the next one
	late []string // lines for the pushes that were missed
	lost error    // why it is not tried any more
}

// keep makes a lost connection again until stop. It ends the reading of lines when
// ctx ends, or when the connection does and is not to be made again.
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

// connection is the connection of this moment.
func (sh *shell) connection() *client.Client {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.client
}

// reconnect tries until there is a connection again; false when ctx ends before
// that or the server does not know the customer any more.
func (sh *shell) reconnect(ctx context.Context) bool {
	old := sh.connection()
	sh.lose(old.Err())
	for pause := reconnectPause; ; pause = min(2*pause, reconnectPauseMax) {
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
		case errors.Is(err, client.ErrUnauthenticated), errors.Is(err, client.ErrForbidden):
			sh.mu.Lock()
			sh.again.lost = fmt.Errorf("log in as %d: %w", sh.again.customer, advised(err))
			sh.mu.Unlock()
			return false
		}
	}
}

// lose says that the connection is lost; pushes that come from then on are shown
// when it is made again.
func (sh *shell) lose(why error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.again.away = true
	clear(sh.own) // whether they were filled is news
	sh.tape.skip = false
	sh.print(sh.style(styleRed, oneLine(why.Error())+"; connecting again") + "\n")
}

// connected goes on with the next connection: first with what was missed.
func (sh *shell) connected(ctx context.Context, next *client.Client, welcome client.Welcome) {
	sh.mu.Lock()
	sh.client, sh.again.away = next, false
	missed := "what was missed follows"
	if !welcome.Resumed {
		missed = "too much was missed to show it here: see \"history\""
	}
	sh.print(fmt.Sprintf("connected again, session %d; %s\n", next.Hello().UID, missed))
	for _, line := range sh.again.late {
		sh.print(line)
	}
	sh.again.late = nil
	if !welcome.Resumed {
		sh.tape.total = welcome.Snapshot.MarketValue
	}
	watching := sh.watching
	sh.mu.Unlock()
	if !welcome.Resumed {
		sh.showAccount(welcome.Snapshot)
	}
	if watching != nil {
		_, _ = next.Quotes(ctx, watching, true) // an error is the end of this connection too
	}
}
