package rawgnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"

	"holdfast/codec"
	"holdfast/perf/load/rawgnet"
)

func TestMain(m *testing.M) {
	// gnet starts a pool when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// serve runs a server until the test ends.
func serve(t *testing.T, loops int) (addr string) {
	t.Helper()
	addr = freeAddr(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- rawgnet.Run(ctx, addr, loops) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil after its context ended", err)
		}
	})
	return addr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// dial tries until the server is up.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestRunAnswersEveryFrame(t *testing.T) {
	cases := []struct {
		name        string
		loops, size int // of the pieces
	}{
		{"at once", 1, 1 << 20}, {"in pieces", 1, 5}, {"byte by byte", 1, 1}, {"two loops", 2, 7},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, serve(t, c.loops))
			var requests, want []byte
			for id := range uint64(20) {
				m := codec.Message{Command: codec.Command(id%8 + 1), ID: id, Body: bytes.Repeat([]byte("x"), int(id))}
				requests = codec.AppendMessage(requests, m)
				want = codec.Packet{}.AppendReply(want, m.Command, m.ID, codec.ResultOK, nil)
			}
			for len(requests) > 0 {
				n := min(c.size, len(requests))
				if _, err := conn.Write(requests[:n]); err != nil {
					t.Fatal(err)
				}
				requests = requests[n:]
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %x, error %v, want %x", got, err, want)
			}
		})
	}
}

func TestRunClosesOnAnImpossibleLength(t *testing.T) {
	for name, header := range map[string][]byte{
		"below a header": {0, 0, 0, 12}, "above the maximum": {0x7f, 0, 0, 0}, "zero": {0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, serve(t, 1))
			if _, err := conn.Write(header); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("read %d bytes, error %v, want a closed connection", n, err)
			}
		})
	}
}

func TestRunReportsWhyItEnded(t *testing.T) {
	if err := rawgnet.Run(t.Context(), "256.0.0.1:1", 1); !errors.Is(err, rawgnet.ErrEnded) {
		t.Errorf("Run = %v, want ErrEnded", err)
	}
}
