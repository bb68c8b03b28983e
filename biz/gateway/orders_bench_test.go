package gateway_test

import (
	"net"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// drained is a carrier for one session that discards all output.
type drained struct {
	wire chan struct{}
}

func (d *drained) Post(b *engine.Batch) {
	b.Flush()
	d.wire <- struct{}{}
}
func (d *drained) Write([]byte) error { return nil }
func (d *drained) Buffered() int      { return 0 }
func (d *drained) CloseWrite() error  { return nil }
func (d *drained) Close() error       { return nil }

// BenchmarkOrders executes orders of one session, 1,024 at a time, until their replies and
// pushes are written. This includes the disk: set TMPDIR to a folder in memory.
func BenchmarkOrders(b *testing.B) {
	const orders = 1024
	s := start(b, setup{})
	d := &drained{wire: make(chan struct{}, 4*orders)}
	session, _ := s.core.Open(s.core.AddCarrier(d), d, &net.TCPAddr{}, &engine.Listener{Dialect: codec.Packet{}})
	defer s.core.Closed(session, engine.ReasonPeerClosed)
	ctx := s.core.NewContext()
	answered := func(n uint64) {
		for s.core.Traffic().Replies < n {
			<-d.wire
		}
	}
	s.core.Received(session, 1, 0)
	s.core.Serve(ctx, session, codec.AppendRequest(nil, codec.CommandLogin, 1, tokenLogin(alice)))
	answered(1)
	var frames []byte
	for i := range orders {
		side := pb.Side_SIDE_BUY
		if i%2 == 1 {
			side = pb.Side_SIDE_SELL
		}
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, uint64(i), &pb.PlaceOrderRequest{
			Side: side, Market: tin.Market, Code: tin.Code, Quantity: 1,
		})
	}
	total := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		s.core.Received(session, orders, len(frames))
		s.core.Serve(ctx, session, frames)
		ctx.Post()
		total += orders
		answered(total)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/orders, "ns/order")
}
