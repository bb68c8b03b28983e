package terminal

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// answering is a server that answers each request of the nth connection with reply, until
// that returns nil or a Notice.
func answering(t *testing.T, reply func(n int, m codec.Message) []byte) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { answerAll(conn, func(m codec.Message) []byte { return reply(n, m) }) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

func answerAll(conn net.Conn, reply func(codec.Message) []byte) {
	defer conn.Close()
	var got []byte
	for b := make([]byte, 4096); ; {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		got = append(got, b[:n]...)
		for {
			m, used, _ := codec.Decode(codec.Packet{}, got, codec.DefaultMaxFrame)
			if used == 0 {
				break
			}
			answer := reply(m)
			if answer == nil {
				return
			}
			_, _ = conn.Write(answer)
			if codec.Command(answer[4]) == codec.PushNotice {
				return
			}
			got = got[used:]
		}
	}
}

// answerOK is the answer to m with this body.
func answerOK(m codec.Message, body codec.Body) []byte {
	return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, body)
}

// closesAtOrder is a server that closes the connection instead of a reply to an order.
func closesAtOrder(t *testing.T) (addr string) {
	return answering(t, func(_ int, m codec.Message) []byte {
		if m.Command == codec.CommandPlaceOrder {
			return nil
		}
		return answerOK(m, &pb.ConnReply{})
	})
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
	if len(sh.own) != 1 || sh.own["replied"] == nil {
		t.Errorf("own orders %v", sh.own)
	}
	if text := sh.pushText(client.Push{Event: client.Execution{ClientOrderID: "replied"}}); text != "" {
		t.Errorf("shown again: %s", text)
	}
	if text := sh.pushText(client.Push{Event: client.Execution{ClientOrderID: "lost"}}); text == "" {
		t.Error("an execution without a reply is not shown")
	}
}
