package front_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// BenchmarkOrders places orders one at a time, or from 4 connections with 256 at a time each: at a server, and through a
// front at a venue in the same process. The disk counts: set TMPDIR to a folder in memory.
func BenchmarkOrders(b *testing.B) {
	b.Run("direct", func(b *testing.B) {
		c := newCluster(b, 1)
		s, err := server.Start(b.Context(), server.Config{
			Data: c.dirs[0], Seed: c.seed, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: quiet,
		})
		must(b, err)
		each(b, s.Addrs[0])
		must(b, s.Stop())
	})
	b.Run("front", func(b *testing.B) {
		c := newCluster(b, 1)
		c.startVenue(0, 1)
		each(b, c.startFront(engine.Limits{}).packet)
	})
}

// each runs a benchmark with one order at a time, and one with many.
func each(b *testing.B, addr string) {
	b.Run("one", func(b *testing.B) { placeOrders(b, addr, 1, 1) })
	b.Run("many", func(b *testing.B) { placeOrders(b, addr, 4, 256) })
}

func placeOrders(b *testing.B, addr string, connections, depth int) {
	b.Helper()
	var frames []byte
	for i := range depth {
		side := pb.Side_SIDE_BUY
		if i%2 == 1 {
			side = pb.Side_SIDE_SELL
		}
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, uint64(i+2), &pb.PlaceOrderRequest{
			Side: side, Market: tin.Market, Code: tin.Code, Quantity: 1,
		})
	}
	var open []*peer
	for n := range connections {
		p := &peer{}
		var err error
		p.conn, err = net.Dial("tcp", addr)
		must(b, err)
		b.Cleanup(func() { p.conn.Close() })
		p.in = bufio.NewReaderSize(p.conn, 64<<10)
		customer := uint32(dealer + n)
		must(b, p.ask(codec.AppendRequest(nil, codec.CommandLogin, 1, &pb.LoginRequest{
			Customer: customer, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(ledger.Customer(customer))},
		}), 1))
		open = append(open, p)
	}
	b.ReportAllocs()
	for b.Loop() {
		var all sync.WaitGroup
		for _, p := range open {
			all.Go(func() {
				if err := p.ask(frames, depth); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(b.N*connections*depth)/b.Elapsed().Seconds(), "orders/s")
}

// peer is a client without a library.
type peer struct {
	conn net.Conn
	in   *bufio.Reader
}

// ask sends requests and reads until there are as many replies.
func (p *peer) ask(frames []byte, replies int) error {
	if _, err := p.conn.Write(frames); err != nil {
		return err
	}
	for replies > 0 {
		head, err := p.in.Peek(codec.PacketHeaderLen)
		if err != nil {
			return err
		}
		if codec.Command(head[4]).IsReply() {
			replies--
		}
		if _, err := io.CopyN(io.Discard, p.in, int64(binary.BigEndian.Uint32(head))); err != nil {
			return err
		}
	}
	return nil
}
