//go:build !race

package rawgnet_test

import (
	"io"
	"testing"

	"holdfast/codec"
)

// The reference must not cost more than gnet itself.
func TestRequestsDoNotAllocate(t *testing.T) {
	conn := dial(t, serve(t, 1))
	request := codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 1, Body: []byte("body")})
	reply := make([]byte, codec.PacketHeaderLen+1)
	exchange := func() {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, reply); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		exchange()
	}
	if allocs := testing.AllocsPerRun(500, exchange); allocs > 0 {
		t.Errorf("%v allocations for a request", allocs)
	}
}
