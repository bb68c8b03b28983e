package client_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// handler is what a fake server does with a request.
type handler func(c *fakeConn, m codec.Message)

// fakeConn is the server's end of a connection.
type fakeConn struct {
	net.Conn
	mu sync.Mutex
}

// answer sends a reply.
func (c *fakeConn) answer(m codec.Message, r codec.Result, body codec.Body) {
	c.send(codec.Packet{}.AppendReply(nil, m.Command, m.ID, r, body))
}

// push sends a push.
func (c *fakeConn) push(command codec.Command, sequence uint64, body codec.Body) {
	c.send(codec.AppendRequest(nil, command, sequence, body))
}

func (c *fakeConn) send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Write(b) // the client may already be gone
}

// serve answers requests with handle until the connection ends.
func (c *fakeConn) serve(handle handler) {
	defer c.Close()
	var buf []byte
	chunk := make([]byte, 4096)
	for {
		n, err := c.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for {
			m, used, err := codec.Decode(codec.Packet{}, buf, codec.DefaultMaxFrame)
			if err != nil || used == 0 {
				break
			}
			handle(c, m)
			buf = append([]byte(nil), buf[used:]...)
		}
	}
}

// fake is a server on a loopback port.
type fake struct {
	listener net.Listener
	work     sync.WaitGroup
}

// newFake starts a server that greets and then leaves everything to handle.
func newFake(handle handler) *fake { return newPlainFake(greeting(handle)) }

// newPlainFake is newFake without the greeting.
func newPlainFake(handle handler) *fake {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	f := &fake{listener: l}
	f.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c := &fakeConn{Conn: conn}
			f.work.Go(func() { c.serve(handle) })
		}
	})
	return f
}

func (f *fake) addr() string { return f.listener.Addr().String() }

// close waits until all clients have gone.
func (f *fake) close() {
	f.listener.Close()
	f.work.Wait()
}

// greeting answers Conn and passes the rest to handle.
func greeting(handle handler) handler {
	return func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandConn {
			c.answer(m, codec.ResultOK, &pb.ConnReply{Uid: 7, HeartbeatInterval: 20e9, ServerVersion: "test"})
			return
		}
		handle(c, m)
	}
}

// ok answers everything with an empty OK.
func ok(c *fakeConn, m codec.Message) { c.answer(m, codec.ResultOK, nil) }

// dial connects to a new fake server; both are gone when the test ends.
func dial(t *testing.T, handle handler, o client.Options) *client.Client {
	t.Helper()
	f := newFake(handle)
	t.Cleanup(f.close)
	c, err := client.Dial(t.Context(), f.addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pipe connects to a fake server inside the process, for tests with synctest. The test
// closes the client.
func pipe(t *testing.T, handle handler, o client.Options) *client.Client {
	t.Helper()
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go (&fakeConn{Conn: far}).serve(greeting(handle))
		return near, nil
	}
	c, err := client.Dial(t.Context(), "fake:1", o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// loggedIn answers Login, Positions and History with an account, and leaves the
// rest to handle.
func loggedIn(account account, handle handler) handler {
	return func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandLogin:
			c.answer(m, codec.ResultOK, &pb.LoginReply{
				Account: &pb.Account{Customer: 100001, Cash: 50_0000}, Positions: account.positions, PushSequence: account.sequence,
			})
		case codec.CommandPositions:
			c.answer(m, codec.ResultOK, &pb.PositionsReply{
				Account: &pb.Account{Customer: 100001}, Positions: account.positions, PushSequence: account.sequence,
			})
		case codec.CommandHistory:
			c.answer(m, codec.ResultOK, &pb.HistoryReply{Executions: account.executions})
		default:
			handle(c, m)
		}
	}
}

// account is the account of a fake server.
type account struct {
	positions  []*pb.Position
	executions []*pb.Execution
	sequence   uint64
}

func row(code string, quantity int64) *pb.Position {
	return &pb.Position{Market: "ALFA", Code: code, Quantity: quantity, LastPrice: 10_0000, MarketValue: quantity * 10_0000}
}

func login(t *testing.T, c *client.Client) client.Snapshot {
	t.Helper()
	s, err := c.Login(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
