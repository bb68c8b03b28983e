//go:build !race

// With the race detector, pools drop objects at random.

package goconn_test

import (
	"bytes"
	"io"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
	"holdfast/perf/goconn"
)

// The client of this test allocates nothing, so all allocations are the server's.
func TestPooledDoesNotAllocate(t *testing.T) {
	router := engine.NewRouter(carriertest.Echo)
	router.Handle(codec.CommandHeartbeat, engine.OnLoop, func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	r := serve(t, carriertest.NewCore(t, engine.Config{Router: router}), goconn.Pooled)
	p := carriertest.Dial(t, r.Addr)
	const depth = 16
	request := bytes.Repeat(carriertest.Frame(codec.CommandHeartbeat, 1, "body"), depth)
	replies := make([]byte, depth*(codec.PacketHeaderLen+1))
	exchange := func() {
		p.MustWrite(request)
		if _, err := io.ReadFull(p.Conn, replies); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		exchange()
	}
	if allocs := testing.AllocsPerRun(500, exchange); allocs > 1 {
		t.Errorf("%v allocations for %d requests", allocs, depth)
	}
}
