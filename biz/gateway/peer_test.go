package gateway_test

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// trader is a client that stores its pushes.
type trader struct {
	*client.Client
	t      testing.TB
	pushes chan client.Push
}

// dial connects a client that is closed at the end of the test.
func (s *server) dial() *trader {
	s.t.Helper()
	tr := &trader{t: s.t, pushes: make(chan client.Push, 1<<16)}
	var err error
	tr.Client, err = client.Dial(s.t.Context(), s.addr, client.Options{
		Timeout: patience, HeartbeatInterval: -1, OnPush: func(p client.Push) { tr.pushes <- p },
	})
	must(s.t, err)
	s.t.Cleanup(func() { must(s.t, tr.Close()) })
	return tr
}

// login connects a client and logs it in.
func (s *server) login(c client.Customer) *trader {
	s.t.Helper()
	tr := s.dial()
	tr.login(c)
	return tr
}

func (tr *trader) login(c client.Customer) client.Snapshot {
	tr.t.Helper()
	snapshot, err := tr.Login(tr.t.Context(), c, client.DemoToken(c))
	must(tr.t, err)
	return snapshot
}

func (tr *trader) place(o client.Order) client.Placed {
	tr.t.Helper()
	placed, err := tr.PlaceOrder(tr.t.Context(), o)
	must(tr.t, err)
	return placed
}

func (tr *trader) buy(key client.Key, q client.Quantity) client.Execution {
	tr.t.Helper()
	return tr.place(client.Order{Side: client.Buy, Key: key, Quantity: q}).Executions[0]
}

func (tr *trader) sell(key client.Key, q client.Quantity) client.Execution {
	tr.t.Helper()
	return tr.place(client.Order{Side: client.Sell, Key: key, Quantity: q}).Executions[0]
}

func (tr *trader) bust(id client.ExecutionID, reason string) client.Busted {
	tr.t.Helper()
	b, err := tr.Bust(tr.t.Context(), id, reason)
	must(tr.t, err)
	return b
}

func (tr *trader) positions() client.Snapshot {
	tr.t.Helper()
	snapshot, err := tr.Positions(tr.t.Context())
	must(tr.t, err)
	return snapshot
}

func (tr *trader) history(q client.HistoryQuery) client.HistoryPage {
	tr.t.Helper()
	page, err := tr.History(tr.t.Context(), q)
	must(tr.t, err)
	return page
}

// push returns the next push.
func (tr *trader) push() client.Push {
	tr.t.Helper()
	select {
	case p := <-tr.pushes:
		return p
	case <-time.After(patience):
		tr.t.Fatal("no push came")
		return client.Push{}
	}
}

// ended waits until the connection has ended.
func (tr *trader) ended() {
	tr.t.Helper()
	select {
	case <-tr.Done():
	case <-time.After(patience):
		tr.t.Fatal("the connection has not ended")
	}
}

// noPush checks that no push has come. It sends a request first, since the reply comes after
// all earlier pushes.
func (tr *trader) noPush() {
	tr.t.Helper()
	sequence := tr.View().Display().Sequence
	if now := tr.positions().Sequence; now != sequence {
		tr.t.Errorf("the account is at push %d, the session at %d", now, sequence)
	}
	select {
	case p := <-tr.pushes:
		tr.t.Errorf("push %+v", p)
	default:
	}
}

// refused returns the reply that is not OK.
func refused(t testing.TB, err error) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no refusal", err)
	}
	return e
}

// wire is a client that can send any bytes.
type wire struct {
	t       testing.TB
	dialect codec.Dialect
	conn    net.Conn
	buf     []byte
	chunk   []byte
}

// wire connects a wire that is closed at the end of the test.
func (s *server) wire() *wire {
	s.t.Helper()
	return newWire(s.t, s.addr)
}

// wireAt connects a wire to the nth of setup.listeners.
func (s *server) wireAt(n int) *wire {
	s.t.Helper()
	w := newWire(s.t, s.running.Addrs[1+n])
	w.dialect = s.setup.listeners[n].Dialect
	return w
}

func newWire(t testing.TB, addr string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	w := &wire{t: t, dialect: codec.Packet{}, conn: conn, chunk: make([]byte, 64<<10)}
	t.Cleanup(w.close)
	return w
}

func (w *wire) close() { _ = w.conn.Close() }

// write sends bytes.
func (w *wire) write(frames []byte) {
	w.t.Helper()
	_, err := w.conn.Write(frames)
	must(w.t, err)
}

// send sends one request.
func (w *wire) send(cmd codec.Command, id uint64, body codec.Body) {
	w.t.Helper()
	w.write(w.dialect.AppendPush(nil, cmd, id, body))
}

// next returns the next message, whose body stays valid.
func (w *wire) next() codec.Message {
	w.t.Helper()
	m, err := w.read()
	must(w.t, err)
	return m
}

func (w *wire) read() (codec.Message, error) {
	for {
		m, used, err := codec.Decode(w.dialect, w.buf, codec.DefaultMaxFrame)
		if err != nil || used > 0 {
			w.buf = w.buf[used:]
			return m, err
		}
		must(w.t, w.conn.SetReadDeadline(time.Now().Add(patience)))
		n, err := w.conn.Read(w.chunk)
		w.buf = slices.Concat(w.buf, w.chunk[:n]) // the messages returned share the old bytes
		if err != nil {
			return codec.Message{}, err
		}
	}
}

// reply returns the result and the body of the next message, which must be the reply to this
// request. The id is not checked if the dialect has no request ids.
func (w *wire) reply(cmd codec.Command, id uint64) (codec.Result, []byte) {
	w.t.Helper()
	m := w.next()
	if m.Command != cmd.Reply() || m.ID != id && !w.dialect.Ordered() || len(m.Body) == 0 {
		w.t.Fatalf("%s %d of %d bytes, want the reply to %s %d", m.Command, m.ID, len(m.Body), cmd, id)
	}
	return codec.Result(m.Body[0]), m.Body[1:]
}

// ask sends a request and returns the reply to it.
func (w *wire) ask(cmd codec.Command, id uint64, body codec.Body) (codec.Result, []byte) {
	w.t.Helper()
	w.send(cmd, id, body)
	return w.reply(cmd, id)
}

// login logs in with a token.
func (w *wire) login(c client.Customer) {
	w.t.Helper()
	if r, _ := w.ask(codec.CommandLogin, 1, tokenLogin(c)); r != codec.ResultOK {
		w.t.Fatalf("login: %s", r)
	}
}

func tokenLogin(c client.Customer) *pb.LoginRequest {
	return &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Token{Token: demoToken(c)}}
}

// raw is a body of any bytes.
func raw(text string) codec.Body { return codec.Raw(text) }
