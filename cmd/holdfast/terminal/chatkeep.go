package terminal

import (
	"context"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// keep reconnects after a lost connection, until stop. When ctx ends, or the connection ends
// and the chat does not reconnect, it ends the reading of lines, and a write to a server
// that does not read.
func (sh *chatShell) keep(ctx context.Context) (stop func()) {
	var pauses client.Backoff
	return keepConnected(ctx,
		func() <-chan struct{} { return sh.connection().done },
		func(ctx context.Context) bool { return sh.reconnect(ctx, &pauses) },
		func() {
			sh.connection().end(client.ErrClosed)
			sh.screen.interrupt()
		})
}

// longConnection is how long a connection lasts before the pauses start with short ones
// again: a server that is full accepts connections and closes them at once.
const longConnection = time.Minute

// reconnect tries until it has a connection. It returns false if ctx ends first, or if the
// chat ends with its connection.
func (sh *chatShell) reconnect(ctx context.Context, pauses *client.Backoff) bool {
	old := sh.connection()
	old.close() // now all that came from there is shown
	if !sh.lose(old.err()) {
		return false
	}
	if time.Since(old.since) > longConnection {
		*pauses = client.Backoff{}
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pauses.Next()):
		}
		next, err := dialChat(ctx, old.addrs, old.at+1, old.tls)
		if err != nil {
			continue
		}
		sh.mu.Lock()
		sh.say(fmt.Sprintf("reconnected to %s\n", next.addr()), chatEvent{Event: "reconnected", Server: next.addr()})
		sh.mu.Unlock()
		sh.join(next)
		return true
	}
}

// lose records and reports that the connection is lost. It returns false if the chat does
// not reconnect.
func (sh *chatShell) lose(why error) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	defer sh.wake()
	sh.away = true
	if !sh.again {
		sh.lost = Advise(why)
		return false
	}
	text := OneLine(why.Error()) + "; reconnecting"
	if n := len(sh.wait.unseen); n > 0 {
		text += fmt.Sprintf("; messages that may not have arrived: %d", n)
		sh.wait.failed = true
	}
	sh.wait.unseen, sh.wait.lists, sh.wait.hidden = nil, 0, false
	sh.say(sh.style(Red, text)+"\n", chatEvent{Event: "lost", Message: text})
	return true
}
