//go:build !race

// The race detector makes sync.Pool forget objects.

package gateway_test

import (
	"net"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// bare is a carrier for one session that discards all output.
type bare struct {
	core    *engine.Core
	session *engine.Session
	ctx     *engine.Context
	written chan struct{}
}

func (b *bare) Post(batch *engine.Batch) {
	batch.Flush()
	b.written <- struct{}{}
}

func (b *bare) Write([]byte) error { return nil }
func (b *bare) Buffered() int      { return 0 }
func (b *bare) CloseWrite() error  { return nil }
func (b *bare) Close() error       { return nil }

// serve executes one request and returns when its reply is written.
func (b *bare) serve(frame []byte) {
	b.core.Received(b.session, 1, len(frame))
	b.core.Serve(b.ctx, b.session, frame)
	b.ctx.Post()
	<-b.written
}

// onBare logs alice in on a session that no reactor carries.
func onBare(t *testing.T, s *server) *bare {
	t.Helper()
	b := &bare{core: s.core, ctx: s.core.NewContext(), written: make(chan struct{}, 1)}
	var reason engine.Reason
	if b.session, reason = s.core.Open(s.core.AddCarrier(b), b, &net.TCPAddr{}, &engine.Listener{Dialect: codec.Packet{}}); b.session == nil {
		t.Fatal("no session:", reason)
	}
	t.Cleanup(func() { s.core.Closed(b.session, engine.ReasonPeerClosed) })
	b.serve(codec.AppendRequest(nil, codec.CommandLogin, 1, tokenLogin(alice)))
	return b
}

func TestNoAllocations(t *testing.T) {
	b := onBare(t, start(t, setup{}))
	for name, frame := range map[string][]byte{
		"submit":    codec.AppendRequest(nil, codec.CommandSubmit, 2, raw("payload")),
		"positions": codec.AppendRequest(nil, codec.CommandPositions, 2, nil),
	} {
		if n := testing.AllocsPerRun(1000, func() { b.serve(frame) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestPagesCostTheirRows: a page of many instruments costs what its rows cost.
func TestPagesCostTheirRows(t *testing.T) {
	many := manyInstruments(t, 100_000, 0, 0)
	b := onBare(t, start(t, setup{seed: many}))
	for name, request := range map[string]*pb.QuotesRequest{
		"first page": {Limit: 10, Subscribe: true},
		"last page":  {Limit: 10, Subscribe: true, After: keyOf(&many.Instruments[99_990])},
	} {
		body, err := request.MarshalVT()
		must(t, err)
		frame := codec.AppendRequest(nil, codec.CommandQuotes, 2, raw(string(body)))
		if n := testing.AllocsPerRun(100, func() { b.serve(frame) }); n > 40 {
			t.Errorf("%s: %v allocations for 10 rows", name, n)
		}
	}
}
