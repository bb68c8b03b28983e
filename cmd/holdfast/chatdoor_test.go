package main_test

import (
	"net"
	"testing"
	"time"

	"holdfast/codec/chat"
)

// chatDoor is a connection to the chat listener.
type chatDoor struct {
	t      testing.TB
	conn   net.Conn
	frames chan chat.Frame
}

func openChat(t testing.TB, s *served) *chatDoor {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener(t, "chat"))
	if err != nil {
		t.Fatal(err)
	}
	d := &chatDoor{t: t, conn: conn, frames: make(chan chat.Frame, 1<<10)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(d.frames)
		var unread []byte
		chunk := make([]byte, 4096)
		for {
			n, err := conn.Read(chunk)
			if err != nil {
				return
			}
			unread = append(unread, chunk[:n]...)
			for {
				f, used, err := chat.ParseFrame(unread)
				if err != nil {
					t.Error(err)
					return
				}
				if used == 0 {
					break
				}
				unread = unread[used:]
				d.frames <- f
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return d
}

func (d *chatDoor) send(f chat.Frame) {
	d.t.Helper()
	if _, err := d.conn.Write(chat.AppendFrame(nil, f)); err != nil {
		d.t.Fatal(err)
	}
}

// next returns the next frame, false at the end of the connection.
func (d *chatDoor) next() (chat.Frame, bool) {
	d.t.Helper()
	select {
	case f, ok := <-d.frames:
		return f, ok
	case <-time.After(patience):
		d.t.Fatal("chat: nothing comes")
		return chat.Frame{}, false
	}
}
