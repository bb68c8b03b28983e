package load_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
	"holdfast/perf/load"
)

// inFront starts a server that speaks TLS in front of the one at addr, and returns its address.
func inFront(t *testing.T, addr string, config *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			outer, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", addr)
			if err != nil {
				outer.Close()
				continue
			}
			work.Go(func() {
				io.Copy(inner, outer) // until one of them is closed
				inner.(*net.TCPConn).CloseWrite()
			})
			work.Go(func() {
				io.Copy(outer, inner)
				outer.Close()
				inner.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

// TestTLS: the loads are the same over TLS, in every dialect.
func TestTLS(t *testing.T) {
	for _, d := range []load.Dialect{load.DialectPacket, load.DialectTLV, load.DialectMixed} {
		for _, w := range []load.Workload{load.Submit, load.Orders, load.Positions} {
			t.Run(string(d)+", "+string(w), func(t *testing.T) {
				o := dialectTo(t, d, answer)
				switch w {
				case load.Orders:
					o = ordersTo(o)
				case load.Positions:
					o = positionsTo(o)
				}
				o.Workload, o.Addr, o.TLS = w, inFront(t, o.Addr, carriertest.ServerTLS()), carriertest.ClientTLS()
				o.TLS.ServerName = "" // from the address
				r, err := load.Run(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if r.ErrorCount() != 0 || len(r.Results) != 0 || r.Requests == 0 {
					t.Errorf("report %+v", r)
				}
			})
		}
	}
}

// newReactor starts a reactor that answers Submit, and returns its address.
func newReactor(t testing.TB, config *tls.Config) string {
	t.Helper()
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandSubmit, engine.OnLoop, func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	core := carriertest.NewCore(t, engine.Config{Router: router})
	r, err := core.NewReactor(engine.ReactorConfig{Loops: 1, Listeners: []engine.Listener{{Address: "127.0.0.1:0", TLS: config}}})
	if err != nil {
		t.Fatal(err)
	}
	return carriertest.Serve(t, core, r).Addr
}

// TestTLSToReactor: crypto/tls is on event loops at both ends; batches of replies are larger than
// a record.
func TestTLSToReactor(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := carriertest.ClientTLS()
			config.MaxVersion = version
			r, err := load.Run(t.Context(), load.Options{
				Addr: newReactor(t, carriertest.ServerTLS()), TLS: config, Connections: 20, Depth: 2000, Duration: 200 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.ErrorCount() != 0 || r.Requests == 0 {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestTLSErrors(t *testing.T) {
	strict := carriertest.ServerTLS()
	strict.ClientAuth = tls.RequireAndVerifyClientCert
	for _, tc := range []struct {
		name           string
		server, client *tls.Config
		is             error
		explained      string
	}{
		{"unknown authority", carriertest.ServerTLS(), &tls.Config{}, load.ErrTLS, "unknown authority"},
		{"plain server", nil, carriertest.ClientTLS(), load.ErrTLS, "does not look like a TLS handshake"},
		{"plain client", carriertest.ServerTLS(), nil, load.ErrClosed, "does not speak TLS"},
		{"no client certificate", strict, carriertest.ClientTLS(), load.ErrTLS, "certificate required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load.Run(t.Context(), load.Options{
				Addr: newReactor(t, tc.server), TLS: tc.client, Connections: 3, Duration: time.Millisecond,
			})
			if !errors.Is(err, tc.is) || !strings.Contains(load.Explain(err), tc.explained) {
				t.Errorf("error %v: %s", err, load.Explain(err))
			}
		})
	}
}

// TestEndDuringTLSHandshakes: a run that ends during handshakes leaves no goroutine and no connection.
func TestEndDuringTLSHandshakes(t *testing.T) {
	silent := listenWith(t, func(p *peer) { io.Copy(io.Discard, p.conn) })
	_, err := load.Run(t.Context(), load.Options{
		Addr: silent, TLS: carriertest.ClientTLS(), Connections: 10, ConnectTimeout: 100 * time.Millisecond,
	})
	if !errors.Is(err, load.ErrConnectTimeout) {
		t.Errorf("error %v", err)
	}
}
