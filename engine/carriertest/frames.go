package carriertest

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// wideLimits returns limits that no test of order or of large frames reaches.
func wideLimits() engine.Limits {
	return engine.Limits{
		LoginFrameBytes: 1 << 20, InFlightRequests: 1 << 20, InFlightBytes: 1 << 30,
		OutboundSoftBytes: 64 << 20, OutboundHardBytes: 64 << 20,
		OutboundSoftTime: time.Hour, WriteStallTime: time.Hour,
	}
}

func framesInPieces(t *testing.T, start New) {
	large := strings.Repeat("large", 20_000)
	s := start.serve(t, engine.Config{Limits: wideLimits()}, Options{})
	p := Dial(t, s.Addr)
	all := Frame(OnLane, 1, "small")
	all = append(all, Frame(OnLoop, 2, large)...)
	all = append(all, Frame(OnLane, 3, "")...)
	all = append(all, Frame(OnLoop, 4, "last")...)
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(all); {
		n := 1
		if i > 40 && i < len(all)-40 { // the ends byte by byte
			n = min(1+random.IntN(9000), len(all)-i)
		}
		p.MustWrite(all[i : i+n])
		i += n
	}
	p.Expect(OnLane.Reply(), 1, "\x00small")
	p.Expect(OnLoop.Reply(), 2, "\x00"+large)
	p.Expect(OnLane.Reply(), 3, "\x00")
	p.Expect(OnLoop.Reply(), 4, "\x00last")
	f := Frame(OnLane, 6, "whole")
	p.MustWrite(append(Frame(OnLane, 5, "first"), f[:len(f)-1]...))
	p.Expect(OnLane.Reply(), 5, "\x00first") // does not wait for the next
	p.MustWrite(f[len(f)-1:])
	p.Expect(OnLane.Reply(), 6, "\x00whole")
}

// Frames of any size in writes of any size, a few at a time: every reply arrives in
// order.
func anyCutOfTheStream(t *testing.T, start New) {
	const seed, rounds = 11, 30
	random := rand.New(rand.NewPCG(seed, seed))
	s := start.serve(t, engine.Config{Limits: engine.Limits{FramesPerEvent: 3}}, Options{})
	p := Dial(t, s.Addr)
	for round := range rounds {
		var stream []byte
		var bodies []string
		for i := range 1 + random.IntN(40) {
			bodies = append(bodies, strings.Repeat("x", random.IntN(1+random.IntN(8000))))
			stream = append(stream, Frame([]codec.Command{OnLane, OnLoop}[i%2], uint64(i), bodies[i])...)
		}
		for len(stream) > 0 {
			n := 1 + random.IntN(min(len(stream), 1<<random.IntN(17)))
			p.MustWrite(stream[:n])
			stream = stream[n:]
		}
		for i, body := range bodies {
			m, err := p.Next()
			if err != nil || m.ID != uint64(i) || string(m.Body) != "\x00"+body {
				t.Fatalf("seed %d, round %d: reply %d is %d with %d bytes, %v", seed, round, i, m.ID, len(m.Body), err)
			}
		}
	}
}

func badLengths(t *testing.T, start New) {
	const malformed, large = pb.NoticeCode_NOTICE_CODE_MALFORMED, pb.NoticeCode_NOTICE_CODE_TOO_LARGE
	// The peers do not see a time-out.
	limits := engine.Limits{MaxFrameBytes: 4096, Linger: time.Hour}
	s := start.serve(t, engine.Config{Limits: limits}, Options{})
	for _, tt := range []struct {
		name   string
		header string
		notice pb.NoticeCode
	}{
		{"0", "\x00\x00\x00\x00", malformed},
		{"3", "\x00\x00\x00\x03", malformed},
		{"12", "\x00\x00\x00\x0c", malformed},
		{"negative", "\xff\xff\xff\xf0", large},
		{"over the maximum", "\x00\x00\x10\x01", large},
		{"4 GiB", "\xff\xff\xff\xff", large},
		{"with much behind it", "\x00\x00\x00\x02" + strings.Repeat("x", 50_000), malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Dial(t, s.Addr)
			p.MustWrite(append(Frame(OnLane, 1, "good"), tt.header...))
			p.Expect(OnLane.Reply(), 1, "\x00good")
			p.ExpectNotice(tt.notice)
			Dial(t, s.Addr).Echoes(OnLane)
		})
	}
	Eventually(t, "the end of all sessions", func() bool { return s.Len() == 0 })
	if m, l := s.Stats.Closes(engine.ReasonMalformed), s.Stats.Closes(engine.ReasonTooLarge); m != 4 || l != 3 {
		t.Errorf("%d sessions counted as malformed and %d as too large, want 4 and 3", m, l)
	}
}

func truncatedFrameChangesNothing(t *testing.T, start New) {
	called := make(chan string, 1)
	router := Router(func(c *engine.Context) { called <- string(c.Message.Body) })
	s := start.serve(t, engine.Config{Router: router}, Options{})
	p := Dial(t, s.Addr)
	f := Frame(Special, 1, "never")
	p.MustWrite(f[:len(f)-1])
	p.Close()
	Eventually(t, "the close", func() bool { return s.Stats.Closes(engine.ReasonPeerClosed) == 1 })
	Dial(t, s.Addr).Echoes(OnLane)
	select {
	case body := <-called:
		t.Errorf("the truncated frame %q was executed", body)
	default:
	}
}
