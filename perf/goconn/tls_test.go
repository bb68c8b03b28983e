package goconn_test

import (
	"io"
	"net"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
	"holdfast/perf/goconn"
)

// serveTLS runs a server of a style that speaks TLS until the end of the test.
func serveTLS(t testing.TB, style goconn.Style) *carriertest.Server {
	t.Helper()
	core := carriertest.NewCore(t, engine.Config{})
	server, err := goconn.New(core, goconn.Config{Style: style, Listen: "127.0.0.1:0", TLS: carriertest.ServerTLS()})
	if err != nil {
		t.Fatal(err)
	}
	return carriertest.Serve(t, core, server)
}

// TestTLS: requests and pushes are encrypted, and a stop says goodbye.
func TestTLS(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serveTLS(t, style)
		p := carriertest.Dial(t, carriertest.TLSPrefix+r.Addr)
		p.Echoes(carriertest.OnLane)
		p.Echoes(carriertest.OffLane)
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop() }()
		p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
		p.Close()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestStopDuringHandshake: a client that does not speak does not hold a stop up, and one that
// speaks no TLS is closed.
func TestStopDuringHandshake(t *testing.T) {
	r := serveTLS(t, goconn.Coalescing)
	silent, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	plain, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.Write(codec.AppendRequest(nil, codec.CommandSubmit, 1, codec.Raw("hello"))); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(plain) // ends
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if r.Len() != 0 {
		t.Errorf("%d sessions", r.Len())
	}
}
