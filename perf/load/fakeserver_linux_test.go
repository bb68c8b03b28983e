package load_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// peer is one connection of the fake server. Owner: its goroutine.
type peer struct {
	conn *net.TCPConn
	// born is the number of connections before this one.
	born int
	// n is the number of earlier requests; request 0 is the first one: a probe or a
	// login.
	n    int
	out  []byte
	push uint64
	gone bool
	// customer who has logged in.
	customer uint32
}

// behaviour appends the server's answer to p.out.
type behaviour func(p *peer, m codec.Message)

// fakeServer serves until the test ends, one goroutine for each connection.
func fakeServer(t *testing.T, b behaviour) (addr string) {
	t.Helper()
	return fakeServerWith(t, b, (*peer).flush)
}

func fakeServerWith(t *testing.T, b behaviour, flush func(*peer)) (addr string) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { listener.Close(); all.Wait() })
	all.Go(func() {
		for born := 0; ; born++ {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			all.Go(func() { (&peer{conn: conn, born: born, push: 40}).serve(b, flush) })
		}
	})
	return listener.Addr().String()
}

func (p *peer) serve(b behaviour, flush func(*peer)) {
	defer p.conn.Close()
	in := bufio.NewReader(p.conn)
	for !p.gone {
		m, err := readMessage(in)
		if err != nil {
			return
		}
		b(p, m)
		p.n++
		if in.Buffered() == 0 {
			flush(p)
		}
	}
}

func readMessage(in io.Reader) (codec.Message, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return codec.Message{}, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	copy(frame, size[:])
	if _, err := io.ReadFull(in, frame[4:]); err != nil {
		return codec.Message{}, err
	}
	m, _, err := codec.Decode(codec.Packet{}, frame, codec.DefaultMaxFrame)
	return m, err
}

func (p *peer) flush() {
	p.conn.Write(p.out)
	p.out = p.out[:0]
}

// flushBytes writes one byte at a time.
func (p *peer) flushBytes() {
	for i := range p.out {
		p.conn.Write(p.out[i : i+1])
	}
	p.out = p.out[:0]
}

// answer is the behaviour of a good server.
func answer(p *peer, m codec.Message) {
	switch m.Command {
	case codec.CommandLogin:
		p.login(m)
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, &pb.LoginReply{PushSequence: p.push, Positions: holdings()})
	case codec.CommandPositions:
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, positionsOf(p.customer))
	case codec.CommandPlaceOrder:
		p.out = codec.AppendRequest(p.out, codec.PushExecution, p.next(), &pb.Execution{Quantity: 1})
		p.out = codec.AppendRequest(p.out, codec.PushPositionUpdate, p.next(), &pb.PositionUpdate{RowCount: 1})
		p.out = codec.AppendRequest(p.out, codec.PushQuote, 0, &pb.Quote{LastPrice: 1})
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, &pb.PlaceOrderReply{OrderId: uint64(p.n)})
	default:
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, nil)
	}
}

func (p *peer) login(m codec.Message) {
	var login pb.LoginRequest
	if login.UnmarshalVT(m.Body) == nil {
		p.customer = login.Customer
	}
}

// holdings returns the positions of every customer.
func holdings() []*pb.Position {
	return []*pb.Position{{Market: "SH", Code: "600000", Quantity: 100}, {Market: "SZ", Code: "1", Quantity: 200}}
}

func positionsOf(customer uint32) *pb.PositionsReply {
	return &pb.PositionsReply{Account: &pb.Account{Customer: customer}, Positions: holdings()}
}

func (p *peer) next() uint64 {
	p.push++
	return p.push
}

// from is a good server until request n, then behaves as b.
func from(n int, b behaviour) behaviour {
	return func(p *peer, m codec.Message) {
		if p.n < n {
			answer(p, m)
			return
		}
		b(p, m)
	}
}

// hangUp ends the connection after what is in p.out; reset says how.
func (p *peer) hangUp(reset bool) {
	p.flush()
	if reset {
		p.conn.SetLinger(0)
	}
	p.gone = true
}
