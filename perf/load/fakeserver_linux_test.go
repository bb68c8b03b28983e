package load_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
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
	// dialect of this connection. upgrade makes a connection a WebSocket.
	dialect codec.Dialect
	upgrade *websocket.HandshakeOptions
	in      *bufio.Reader
	frames  websocket.Reader
	// handshaken: the handshake is done.
	handshaken bool
	unread     []byte // WebSocket frames
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
	return fakeServerOf(t, peer{dialect: codec.Packet{}}, b, flush)
}

// fakeServerOf serves connections that are like the model.
func fakeServerOf(t *testing.T, model peer, b behaviour, flush func(*peer)) (addr string) {
	t.Helper()
	return listenWith(t, func(p *peer) {
		p.dialect, p.upgrade = model.dialect, model.upgrade
		p.serve(b, flush)
	})
}

// listenWith calls serve for each connection.
func listenWith(t *testing.T, serve func(p *peer)) (addr string) {
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
			all.Go(func() {
				defer conn.Close()
				serve(&peer{conn: conn, born: born, push: 40, in: bufio.NewReader(conn)})
			})
		}
	})
	return listener.Addr().String()
}

func (p *peer) serve(b behaviour, flush func(*peer)) {
	if p.upgrade != nil && !p.handshaken && !p.shakeHands() {
		return
	}
	for !p.gone {
		m, err := p.readMessage()
		if err != nil {
			return
		}
		b(p, m)
		p.n++
		if p.in.Buffered()+len(p.unread) == 0 {
			flush(p)
		}
	}
}

// shakeHands answers the handshake. The subprotocol decides the dialect.
func (p *peer) shakeHands() bool {
	var header []byte
	for websocket.HeaderLen(header, 0) == 0 {
		line, err := p.in.ReadBytes('\n')
		if err != nil {
			return false
		}
		header = append(header, line...)
	}
	upgrade, err := websocket.Accept(header, *p.upgrade)
	if refused := new(websocket.HandshakeError); errors.As(err, &refused) {
		p.conn.Write(websocket.AppendHTTPError(nil, refused.Status, refused.Text))
		return false
	}
	p.dialect = websocket.Packet{}
	if upgrade.Subprotocol == websocket.SubprotocolJSON {
		p.dialect = websocket.JSON{}
	}
	p.conn.Write(upgrade.Response)
	return true
}

func (p *peer) readMessage() (m codec.Message, err error) {
	frame, err := p.readFrame()
	if err == nil {
		_, err = p.dialect.Next(frame, &m)
	}
	return m, err
}

func (p *peer) readFrame() ([]byte, error) {
	if p.upgrade != nil {
		return p.readPayload()
	}
	for size := 2; ; size++ {
		head, err := p.in.Peek(size)
		if err != nil {
			return nil, err
		}
		n, err := p.dialect.FrameLen(head, codec.DefaultMaxFrame)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			frame := make([]byte, n)
			_, err := io.ReadFull(p.in, frame)
			return frame, err
		}
	}
}

// readPayload returns a message as the WebSocket dialects read it. A pong is command 0.
func (p *peer) readPayload() ([]byte, error) {
	for {
		if len(p.unread) == 0 {
			b := make([]byte, 4<<10)
			n, err := p.in.Read(b)
			if err != nil {
				return nil, err
			}
			p.unread = b[:n]
		}
		used, op, payload, err := p.frames.Next(p.unread, codec.DefaultMaxFrame)
		if err != nil {
			return nil, err
		}
		p.unread = p.unread[used:]
		if op == websocket.OpPong {
			payload = append(make([]byte, 9), payload...)
		}
		if op != 0 {
			frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(payload)))
			return append(frame, payload...), nil
		}
	}
}

// reply and send append to p.out.
func (p *peer) reply(m codec.Message, r codec.Result, body codec.Body) {
	p.out = p.dialect.AppendReply(p.out, m.Command, m.ID, r, body)
}

func (p *peer) send(c codec.Command, id uint64, body codec.Body) {
	p.out = p.dialect.AppendPush(p.out, c, id, body)
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
		p.reply(m, codec.ResultOK, &pb.LoginReply{PushSequence: p.push, Positions: holdings()})
	case codec.CommandPositions:
		p.reply(m, codec.ResultOK, positionsOf(p.customer))
	case codec.CommandPlaceOrder:
		p.send(codec.PushExecution, p.next(), &pb.Execution{Quantity: 1})
		p.send(codec.PushPositionUpdate, p.next(), &pb.PositionUpdate{RowCount: 1})
		p.send(codec.PushQuote, 0, &pb.Quote{LastPrice: 1})
		p.reply(m, codec.ResultOK, &pb.PlaceOrderReply{OrderId: uint64(p.n)})
	default:
		p.reply(m, codec.ResultOK, nil)
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
