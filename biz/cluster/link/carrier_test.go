package link_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/cluster/link"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// stub is a gateway that logs in whoever has the token "ticket".
type stub struct{}

func (stub) Ticket(c ledger.Customer, credential []byte) []byte {
	if c == 1 && string(credential) == "known" {
		return []byte("ticket")
	}
	return nil
}

func (stub) Credential(*engine.Session) []byte { return []byte("known") }

// venue is a carrier with an echo, and the end of a front.
type venue struct {
	*lanes
	t     *testing.T
	core  *engine.Core
	conn  *nats.Conn
	owner chan link.Owner
	stop  func()
}

func newVenue(t *testing.T) *venue {
	t.Helper()
	v := &venue{t: t, conn: connect(t), owner: make(chan link.Owner, 100), lanes: &lanes{entries: make(chan link.Entry, 1<<10), broken: make(chan struct{}, 1)}}
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandSubmit, engine.OnLane, func(c *engine.Context) { c.Reply(codec.ResultOK, codec.Raw(c.Message.Body)) })
	router.Handle(codec.CommandLogin, engine.OnLane, func(c *engine.Context) {
		var r pb.LoginRequest
		if r.UnmarshalVT(c.Message.Body) != nil || string(r.GetToken()) != "ticket" {
			c.Reply(codec.ResultUnauthenticated, nil)
			return
		}
		c.Session.SetLoggedIn(true)
		c.Reply(codec.ResultOK, &pb.LoginReply{PushSequence: r.ResumeFrom})
	})
	router.Handle(codec.CommandLogout, engine.OnLane, func(c *engine.Context) { c.Close(engine.ReasonRevoked) })
	var err error
	v.core, err = engine.NewCore(engine.Config{Router: router, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	watch, err := link.WatchOwners(v.conn, func(o link.Owner) { v.owner <- o })
	must(t, err)
	carrier := link.New(link.Config{Core: v.core, Conn: v.conn, Stream: 3, Epoch: 9, Node: "n", Log: slog.New(slog.DiscardHandler)})
	carrier.SetGateway(stub{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- carrier.Run(ctx) }()
	<-carrier.Booted()
	stopped := false
	v.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stop()
		must(t, <-ended)
		must(t, v.conn.Flush())
		must(t, watch.Unsubscribe())
		must(t, v.core.Close(context.Background()))
	}
	t.Cleanup(v.stop)
	v.two = link.NewLane(link.LaneConfig{Conn: v.conn, Number: 1, To: link.VenueSubject(3, 9), From: "front"})
	_, err = v.conn.Subscribe("front", func(m *nats.Msg) {
		entries, ok := v.two.Receive(m.Data)
		if !ok || !link.Entries(entries, func(e link.Entry) { v.entries <- e }) {
			select {
			case v.broken <- struct{}{}:
			default:
			}
		}
	})
	must(t, err)
	v.running.Go(func() { _ = v.two.Run() })
	t.Cleanup(func() {
		v.two.End()
		v.running.Wait()
	})
	return v
}

func (v *venue) send(kind link.Kind, session uint32, body []byte) {
	v.two.Add(link.Entry{Kind: kind, Session: session, Body: body}, nil)
	v.two.Flush()
}

func (v *venue) expect(kind link.Kind, session uint32) []byte {
	v.t.Helper()
	e := v.next(v.t)
	if e.Kind != kind || e.Session != session {
		v.t.Fatalf("kind %d of session %d instead of %d of %d", e.Kind, e.Session, kind, session)
	}
	return e.Body
}

func submit(id uint64, text string) []byte {
	return codec.AppendRequest(nil, codec.CommandSubmit, id, codec.Raw(text))
}

// TestCarrier: sessions of a lane are served, also in pieces, and end from either side.
func TestCarrier(t *testing.T) {
	v := newVenue(t)
	v.send(link.KindOpen, 1, (&link.Open{Remote: "10.1.2.3:99"}).Body())
	frames := append(submit(1, "one"), submit(2, "two")...)
	v.send(link.KindData, 1, frames[:20])
	v.send(link.KindData, 1, frames[20:])
	var got []byte
	for want := len(frames) + 2; len(got) < want; { // each has a result, too
		got = append(got, v.expect(link.KindData, 1)...)
	}
	if string(got[codec.PacketHeaderLen+1:][:3]) != "one" {
		t.Errorf("%q", got)
	}
	if s := v.core.Sessions()[0]; s.RemoteAddr().String() != "10.1.2.3:99" || s.Encrypted() {
		t.Errorf("from %v", s.RemoteAddr())
	}
	v.send(link.KindData, 1, codec.AppendRequest(nil, codec.CommandLogout, 3, nil))
	if notice := v.expect(link.KindData, 1); codec.Command(notice[4]) != codec.PushNotice {
		t.Errorf("%q", notice)
	}
	v.expect(link.KindClosed, 1)
	v.send(link.KindOpen, 2, (&link.Open{Remote: "unix:/x", Encrypted: true, Certificate: "me"}).Body())
	v.send(link.KindData, 2, submit(1, "x"))
	v.expect(link.KindData, 2)
	if s := v.core.Sessions()[0]; !s.Encrypted() || s.Certificate().Subject.CommonName != "me" || s.RemoteAddr().Network() != "unix" {
		t.Errorf("from %v", s.RemoteAddr())
	}
	v.send(link.KindClose, 2, nil)
	v.send(link.KindOpen, 3, []byte("{"))
	v.expect(link.KindClosed, 3)
	if n := v.core.Len(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestAdmission: a client that has logged in before is logged in by its credential.
func TestAdmission(t *testing.T) {
	v := newVenue(t)
	admit := func(session uint32, credential string) {
		v.send(link.KindOpen, session, (&link.Open{Remote: "10.1.2.3:99", Admission: &link.Admission{Customer: 1, Credential: []byte(credential), ResumeFrom: 5}}).Body())
	}
	admit(1, "known")
	if c := v.expect(link.KindCredential, 1); string(c) != "known" {
		t.Errorf("credential %q", c)
	}
	reply := v.expect(link.KindData, 1)
	var login pb.LoginReply
	must(t, login.UnmarshalVT(reply[codec.PacketHeaderLen+1:]))
	if id := binary.BigEndian.Uint64(reply[5:]); id != 0 || login.PushSequence != 5 {
		t.Errorf("reply %d: %v", id, &login)
	}
	admit(2, "unknown")
	v.expect(link.KindRefused, 2)
}

// TestEnd: a venue that stops announces its end after its replies, and ends the lanes.
func TestEnd(t *testing.T) {
	v := newVenue(t)
	if o := <-v.owner; o != (link.Owner{Stream: 3, Node: "n", Epoch: 9}) {
		t.Errorf("owner %+v", o)
	}
	v.send(link.KindOpen, 1, (&link.Open{Remote: "10.1.2.3:99"}).Body())
	v.send(link.KindData, 1, submit(1, "x"))
	v.expect(link.KindData, 1)
	v.stop()
	select {
	case <-v.broken:
	case <-time.After(patience):
		t.Error("the lane goes on")
	}
	for o := range v.owner {
		if o.Ended {
			break
		}
	}
}

// TestSilentFront: the sessions of a front that has gone end.
func TestSilentFront(t *testing.T) {
	v := newVenue(t)
	v.send(link.KindOpen, 1, (&link.Open{Remote: "10.1.2.3:99"}).Body())
	v.send(link.KindData, 1, submit(1, "x"))
	v.expect(link.KindData, 1)
	select {
	case <-v.broken:
	case <-time.After(patience):
		t.Error("the lane goes on")
	}
	for deadline := time.Now().Add(patience); v.core.Len() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the session goes on")
		}
	}
}

// TestUnknownLane: messages of a lane that the venue does not have are answered by its end.
func TestUnknownLane(t *testing.T) {
	v := newVenue(t)
	ended := make(chan []byte, 1)
	_, err := v.conn.Subscribe("other", func(m *nats.Msg) { ended <- m.Data })
	must(t, err)
	message := make([]byte, 24)
	message[7], message[15] = 5, 2
	must(t, v.conn.PublishRequest(link.VenueSubject(3, 9), "other", message))
	select {
	case b := <-ended:
		if b[7] != 5 || b[15] != 0 {
			t.Errorf("% x", b)
		}
	case <-time.After(patience):
		t.Error("no answer")
	}
}
