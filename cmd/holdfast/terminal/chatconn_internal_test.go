package terminal

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec/chat"
)

// TestChatHeartbeat: the first one comes at once, and then one every 20 s.
func TestChatHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newChatConn([]string{"pipe"}, 0, near)
		beats := make(chan time.Time, 8)
		go func() {
			defer close(beats)
			for b := make([]byte, 64); ; {
				n, err := far.Read(b)
				if err != nil {
					return
				}
				if f, used, err := chat.ParseFrame(b[:n]); used == n && err == nil && f == (chat.Frame{Type: chat.TypeMessage}) {
					beats <- time.Now()
				}
			}
		}()
		start := time.Now()
		c.start(func(chat.Frame) {})
		for _, want := range []time.Duration{0, chatHeartbeat, 2 * chatHeartbeat} {
			if got := (<-beats).Sub(start); got != want {
				t.Errorf("a heartbeat after %v, want %v", got, want)
			}
		}
		c.close()
		if _, more := <-beats; more || !errors.Is(c.err(), client.ErrClosed) {
			t.Errorf("after close: %v, %v", more, c.err())
		}
	})
}

// TestChatStuckWrite: a server that does not read ends the connection.
func TestChatStuckWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // it has no buffer
		defer far.Close()
		c := newChatConn([]string{"pipe"}, 0, near)
		c.start(func(chat.Frame) {})
		<-c.done
		var lost *client.ConnectionError
		if !errors.As(c.err(), &lost) || lost.Op != "write to" {
			t.Errorf("got %v", c.err())
		}
		c.close()
	})
}

// TestChatEndsWhileItWrites: the end of the program does not wait for a server that does not
// read.
func TestChatEndsWhileItWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // it has no buffer
		defer far.Close()
		ctx, cancel := context.WithCancel(t.Context())
		sh := &chatShell{ctx: ctx, conn: newChatConn([]string{"pipe"}, 0, near), screen: plainScreen(strings.NewReader(""), new(strings.Builder), func() {}, func() {})}
		stop := sh.keep(ctx)
		start, sent := time.Now(), make(chan error)
		go func() { sent <- sh.send(chat.Frame{Type: chat.TypeMessage, Text: "x"}) }()
		synctest.Wait()
		cancel()
		<-sent
		if took := time.Since(start); took != 0 || !errors.Is(sh.over(), context.Canceled) {
			t.Errorf("ended after %v with %v", took, sh.over())
		}
		stop()
	})
}
