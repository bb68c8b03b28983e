package terminal

import (
	"errors"
	"io"
	"net"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// closesAtOrder is a server that closes the connection instead of a reply to an order.
func closesAtOrder(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var got []byte
		for b := make([]byte, 4096); ; {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			got = append(got, b[:n]...)
			m, used, _ := codec.Decode(codec.Packet{}, got, len(got))
			if used == 0 {
				continue
			}
			if m.Command == codec.CommandPlaceOrder {
				return
			}
			_, _ = conn.Write(codec.Packet{}.AppendReply(nil, m, codec.ResultOK, &pb.ConnReply{}))
			got = got[used:]
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// TestOwnOrdersAcrossAReconnect: after a lost connection the execution of an order is news
// if the order had no reply, and only then.
func TestOwnOrdersAcrossAReconnect(t *testing.T) {
	c, err := client.Dial(t.Context(), closesAtOrder(t), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	key := client.Key{Market: "ALFA", Code: "600100"}
	sh := &shell{
		ctx: t.Context(), client: c, screen: &screen{Writer: io.Discard, endLine: func() {}}, style: NewStyle(false),
		market: []client.Instrument{{Key: key}},
	}
	sh.expect("replied") // its reply is shown
	if err := sh.order(client.Buy, []string{"600100", "1"}); err == nil {
		t.Fatal("an order without a reply succeeded")
	}
	sh.lose(errors.New("lost"))
	if len(sh.own) != 1 || !sh.own["replied"] {
		t.Errorf("own orders %v", sh.own)
	}
	if text := sh.pushText(client.Push{Event: client.Execution{ClientOrderID: "replied"}}); text != "" {
		t.Errorf("shown again: %s", text)
	}
	if text := sh.pushText(client.Push{Event: client.Execution{ClientOrderID: "lost"}}); text == "" {
		t.Error("an execution without a reply is not shown")
	}
}
