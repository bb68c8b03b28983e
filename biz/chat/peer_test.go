package chat_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	frames "holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// patience is how long a test waits for an event. Only a failing test waits this long.
const patience = time.Minute

// The customers of the test seed.
const (
	alice ledger.Customer = 100001
	bob   ledger.Customer = 100002
)

const seedText = `{
  "format": 1,
  "instruments": [{"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"}],
  "customers": [
    {"customer": 100001, "name": "Alice", "cash": "1.00", "token_sha256": "ALICE"},
    {"customer": 100002, "name": "Bob", "cash": "1.00", "token_sha256": "BOB"}
  ]
}`

// newSeed returns the test seed with bob's token.
func newSeed(t testing.TB, bobs []byte) *seed.Seed {
	t.Helper()
	hash := func(token []byte) string {
		sum := sha256.Sum256(token)
		return hex.EncodeToString(sum[:])
	}
	text := strings.NewReplacer("ALICE\"", hash(seed.DemoToken(alice))+`"`, "BOB\"", hash(bobs)+`"`).Replace(seedText)
	s, err := seed.Parse("test.json", []byte(text))
	must(t, err)
	return s
}

// The doors of the server under test.
const (
	packetDoor = iota
	tlvDoor
	chatDoor
)

var doors = []engine.Listener{{Dialect: codec.Packet{}}, {Dialect: codec.TLV{}}, {Dialect: frames.Dialect{}}}

// host is a complete server on free ports, in this process.
type host struct {
	*server.Server
	t testing.TB
}

// start starts a server that is stopped at the end of the test.
func start(t testing.TB, limits engine.Limits) *host {
	t.Helper()
	c := server.Config{
		Data: t.TempDir(), Seed: newSeed(t, seed.DemoToken(bob)), EventLoops: 2, Drain: patience, Limits: limits,
		Log: slog.New(slog.DiscardHandler),
	}
	for _, l := range doors {
		l.Address = "127.0.0.1:0"
		c.Listeners = append(c.Listeners, l)
	}
	s, err := server.Start(t.Context(), c)
	must(t, err)
	t.Cleanup(func() {
		must(t, s.Stop())
		if n := s.Core.Stats.Panics.Load(); n != 0 {
			t.Errorf("%d handlers panicked", n)
		}
	})
	return &host{s, t}
}

// peer is a client of one door.
type peer struct {
	t        testing.TB
	door     int
	conn     net.Conn
	buffer   []byte
	requests uint64
}

// dial connects a client that is closed at the end of the test.
func (h *host) dial(door int) *peer {
	h.t.Helper()
	p, err := h.tryDial(door)
	must(h.t, err)
	return p
}

func (h *host) tryDial(door int) (*peer, error) {
	conn, err := net.Dial("tcp", h.Addrs[door])
	if err != nil {
		return nil, err
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: h.t, door: door, conn: conn}, nil
}

// login connects a client and logs it in.
func (h *host) login(door int, c ledger.Customer) *peer {
	h.t.Helper()
	p := h.dial(door)
	p.login(c)
	return p
}

// enter connects a client to the chat door and waits until it is in the common room.
func (h *host) enter() *peer {
	h.t.Helper()
	p := h.dial(chatDoor)
	p.list()
	return p
}

func (p *peer) login(c ledger.Customer) {
	p.t.Helper()
	p.send(codec.CommandLogin, &pb.LoginRequest{Customer: uint32(c), Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(c)}})
	p.ok(codec.CommandLogin)
}

// address returns the client's address and port as the server sees them.
func (p *peer) address() (string, uint32) {
	at := p.conn.LocalAddr().(*net.TCPAddr)
	return at.IP.String(), uint32(at.Port)
}

func (p *peer) send(c codec.Command, body codec.Body) {
	p.t.Helper()
	p.requests++
	p.write(doors[p.door].Dialect.AppendPush(nil, c, p.requests, body))
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	_, err := p.conn.Write(b)
	must(p.t, err)
}

// event is what a client gets: a push, a reply, or a frame of the chat door.
type event struct {
	reply   codec.Command // 0: none
	result  codec.Result
	body    []byte // of the reply
	message *pb.ChatMessage
	notice  string
	frame   frames.Frame
}

// next returns the next event; the error is that of the connection.
func (p *peer) next() (event, error) {
	for {
		e, used, err := p.decode()
		if err != nil || used > 0 {
			p.buffer = p.buffer[used:]
			return e, err
		}
		if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return event{}, err
		}
		chunk := make([]byte, 64<<10)
		n, err := p.conn.Read(chunk)
		p.buffer = append(p.buffer[:len(p.buffer):len(p.buffer)], chunk[:n]...)
		if err != nil && n == 0 {
			return event{}, err
		}
	}
}

func (p *peer) decode() (e event, used int, err error) {
	if p.door == chatDoor {
		if e.frame, used, err = frames.ParseFrame(p.buffer); used > 0 {
			e.decodeFrame()
		}
		return e, used, err
	}
	m, used, err := codec.Decode(doors[p.door].Dialect, p.buffer, codec.DefaultMaxFrame)
	switch {
	case err != nil || used == 0:
	case m.Command.IsReply():
		e.reply, e.result, e.body = m.Command, codec.Result(m.Body[0]), m.Body[1:]
	case m.Command == codec.PushChatMessage:
		e.message = new(pb.ChatMessage)
		err = e.message.UnmarshalVT(m.Body)
	case m.Command == codec.PushNotice:
		var n pb.Notice
		err = n.UnmarshalVT(m.Body)
		e.notice = n.Text
	}
	return e, used, err
}

// decodeFrame makes a ChatMessage of a frame that shows one.
func (e *event) decodeFrame() {
	events := map[frames.Type]pb.ChatEvent{
		frames.TypeMessage: pb.ChatEvent_CHAT_EVENT_UNSPECIFIED, frames.TypeJoined: pb.ChatEvent_CHAT_EVENT_JOINED, frames.TypeLeft: pb.ChatEvent_CHAT_EVENT_LEFT,
	}
	what, ok := events[e.frame.Type]
	if !ok {
		e.notice = e.frame.Text
		return
	}
	e.message = &pb.ChatMessage{Address: e.frame.Address, Text: e.frame.Text, Event: what}
	if _, err := fmt.Sscan(e.frame.Port, &e.message.Port); err != nil {
		e.message.Port = 1 << 16
	}
}

// wants returns the next event for which is returns true.
func (p *peer) wants(what string, is func(event) bool) event {
	p.t.Helper()
	for {
		e, err := p.next()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", what, err)
		}
		if is(e) {
			return e
		}
	}
}

// reply returns the next reply, which must be to c.
func (p *peer) reply(c codec.Command) event {
	p.t.Helper()
	e := p.wants("a reply", func(e event) bool { return e.reply != 0 })
	if e.reply != c.Reply() {
		p.t.Fatalf("reply %v, want that to %v", e.reply, c)
	}
	return e
}

// ok checks that the next reply is to c and OK.
func (p *peer) ok(c codec.Command) {
	p.t.Helper()
	if e := p.reply(c); e.result != codec.ResultOK {
		p.t.Fatalf("%v: %v %q", c, e.result, e.body)
	}
}

// chat sends a Chat request.
func (p *peer) chat(r *pb.ChatRequest) {
	p.t.Helper()
	p.send(codec.CommandChat, r)
}

// refused sends a Chat request and returns the result and text of its reply.
func (p *peer) refused(r *pb.ChatRequest) (codec.Result, string) {
	p.t.Helper()
	p.chat(r)
	e := p.reply(codec.CommandChat)
	var text pb.Error
	must(p.t, text.UnmarshalVT(e.body))
	return e.result, text.Message
}

func (p *peer) say(name, text string) {
	p.t.Helper()
	p.chat(&pb.ChatRequest{Room: name, Text: text})
}

func (p *peer) join(name string) {
	p.t.Helper()
	p.chat(&pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_JOIN})
	p.ok(codec.CommandChat)
}

func (p *peer) leave(name string) {
	p.t.Helper()
	p.chat(&pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_LEAVE})
	p.ok(codec.CommandChat)
}

// who returns a page of the members of a room. Not for the chat door.
func (p *peer) who(name string, after uint64, limit uint32) *pb.ChatReply {
	p.t.Helper()
	p.chat(&pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_WHO, After: after, Limit: limit})
	e := p.reply(codec.CommandChat)
	reply := new(pb.ChatReply)
	must(p.t, reply.UnmarshalVT(e.body))
	return reply
}

// hears returns the next ChatMessage.
func (p *peer) hears() *pb.ChatMessage {
	p.t.Helper()
	return p.wants("a message", func(e event) bool { return e.message != nil }).message
}

// list asks who is there at the chat door, and returns the frames of the answer. Other events
// are dropped.
func (p *peer) list() []frames.Frame {
	p.t.Helper()
	p.chat(&pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO})
	var all []frames.Frame
	for {
		f := p.wants("the list", func(e event) bool { return e.frame.Type == frames.TypeWho }).frame
		all = append(all, f)
		if f.Address == "" && f.Port == "" {
			return all
		}
	}
}

// ends reads until the connection ends and returns the last frame or push before that.
func (p *peer) ends() event {
	p.t.Helper()
	var last event
	for {
		e, err := p.next()
		if errors.Is(err, io.EOF) {
			return last
		}
		must(p.t, err)
		last = e
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
