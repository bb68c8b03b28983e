package gateway_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// stuck is a carrier for one session that can delay all writes.
type stuck struct {
	core    *engine.Core
	session *engine.Session

	mu      sync.Mutex
	holding bool
	held    []*engine.Batch
	sent    []byte
}

func (s *stuck) Post(b *engine.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding {
		s.held = append(s.held, b)
		return
	}
	b.Flush()
}

func (s *stuck) Write(b []byte) error {
	s.sent = append(s.sent, b...)
	return nil
}

func (s *stuck) Buffered() int     { return 0 }
func (s *stuck) CloseWrite() error { return nil }
func (s *stuck) Close() error      { return nil }

// hold delays all batches that are posted from now on.
func (s *stuck) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// posted returns how many batches are delayed.
func (s *stuck) posted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// release writes the delayed batches.
func (s *stuck) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, b := range s.held {
		b.Flush()
	}
	s.held = nil
}

// prices returns the prices of the written quotes.
func (s *stuck) prices(t *testing.T) (prices []int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for b := s.sent; len(b) > 0; {
		m, used, err := codec.Decode(codec.Packet{}, b, codec.DefaultMaxFrame)
		must(t, err)
		if m.Command == codec.PushQuote {
			var q pb.Quote
			must(t, q.UnmarshalVT(m.Body))
			prices = append(prices, q.LastPrice)
		}
		b = b[used:]
	}
	return prices
}

// onStuck opens a session on its own carrier.
func onStuck(t *testing.T, core *engine.Core) *stuck {
	t.Helper()
	s := &stuck{core: core}
	var reason engine.Reason
	if s.session, reason = core.Open(core.AddCarrier(s), s, &net.TCPAddr{}, &engine.Listener{Dialect: codec.Packet{}}); s.session == nil {
		t.Fatal("no session:", reason)
	}
	t.Cleanup(func() { core.Closed(s.session, engine.ReasonPeerClosed) })
	return s
}

// TestPricesWaitForTheLoops: until the last pushes are written no more are posted, however
// often prices move. In the end the last price arrives.
func TestPricesWaitForTheLoops(t *testing.T) {
	s := start(t, setup{})
	c := onStuck(t, s.core)
	ctx := s.core.NewContext()
	for _, frame := range [][]byte{
		codec.AppendRequest(nil, codec.CommandLogin, 1, tokenLogin(dave)),
		codec.AppendRequest(nil, codec.CommandQuotes, 2, &pb.QuotesRequest{Subscribe: true}),
	} {
		s.core.Received(c.session, 1, len(frame))
		s.core.Serve(ctx, c.session, frame)
	}
	ctx.Post()
	eventually(t, "the replies", func() bool { return s.core.Traffic().Replies == 2 })
	c.hold()
	const first = 10_0100
	s.service.MovePrice(tinID, first)
	eventually(t, "the first push", func() bool { return c.posted() == 1 })
	last := int64(first)
	for range 40 { // four turns of the publisher, if it took any
		last += 100
		s.service.MovePrice(tinID, ledger.Price(last))
		time.Sleep(10 * time.Millisecond)
	}
	if n := c.posted(); n != 1 {
		t.Errorf("%d batches are posted, want the first only", n)
	}
	c.release()
	eventually(t, "the last price", func() bool {
		prices := c.prices(t)
		return len(prices) > 0 && prices[len(prices)-1] == last
	})
	if prices := c.prices(t); len(prices) != 2 {
		t.Errorf("prices %d, want the first and the last", prices)
	}
}

// TestPace: a window ends when it is written. A rest of the same duration, up to a limit,
// follows. The end of the context ends both.
func TestPace(t *testing.T) {
	for _, tc := range []struct {
		name           string
		sessions       int
		written, wants time.Duration
	}{
		{"not full", gateway.PushWindow - 1, time.Hour, 0},
		{"at once", gateway.PushWindow, 0, 0},
		{"quick", gateway.PushWindow, 3 * time.Millisecond, 6 * time.Millisecond},
		{"slow", gateway.PushWindow, time.Second, time.Second + gateway.MaxRest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, err := engine.NewCore(engine.Config{Router: engine.NewRouter(nil)})
				must(t, err)
				defer func() { must(t, core.Close(context.Background())) }()
				c := onStuck(t, core)
				c.hold()
				start := time.Now()
				p := gateway.NewPace(core)
				out := core.NewOutbox()
				p.StartWindow()
				out.PushDroppable([]*engine.Session{c.session}, 1, codec.PushQuote, nil)
				out.Post()
				written := time.AfterFunc(tc.written, c.release)
				defer written.Stop()
				p.Added(t.Context(), tc.sessions)
				if took := time.Since(start); took != tc.wants {
					t.Errorf("ended after %v, want %v", took, tc.wants)
				}
				c.release()
			})
		})
	}
}
