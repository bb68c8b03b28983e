package host

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/engine"
)

// Limits of the admin port, so that it leaves files and memory to the clients.
const (
	adminConnections = 16 // see boundedConns
	adminHeaderTime  = 5 * time.Second
	adminBodyTime    = 10 * time.Second
	adminIdleTime    = 30 * time.Second // Prometheus asks again within it, or reconnects
	adminHeaderBytes = 16 << 10
)

// adminServer answers operators: health, metrics, profiles.
type adminServer struct {
	addr   string
	http   http.Server
	health *engine.Health
	log    *slog.Logger
	done   chan struct{}
}

func startAdmin(listen string, s *Server, log *slog.Logger) (*adminServer, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	a := &adminServer{addr: l.Addr().String(), health: engine.NewHealth(s.asked()...), log: log, done: make(chan struct{})}
	if !onLoopback(l.Addr()) {
		log.Warn("other machines can reach the admin port and read metrics", "admin", a.addr)
	}
	// No ReadTimeout and no WriteTimeout: they would cut off long profiles.
	conns := newBoundedConns(l, adminConnections)
	a.http = http.Server{
		Handler:           boundBody(adminHandler(s, a.health)),
		ConnState:         conns.changed,
		ReadHeaderTimeout: adminHeaderTime,
		IdleTimeout:       adminIdleTime,
		MaxHeaderBytes:    adminHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(a.done)
		if err := a.http.Serve(conns); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin port stopped", "error", err)
		}
	}()
	return a, nil
}

// boundBody limits the time for the body of a request. Without it the server would wait
// for the rest of a body forever.
func boundBody(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(adminBodyTime))
		}
		h.ServeHTTP(w, r)
	})
}

func onLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// close closes the port within a second: a running profile must not use up the time for
// the rest of the stop.
func (a *adminServer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := a.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.http.Close() // a profile or trace is still running
	}
	<-a.done
	a.health.Close()
	if err != nil {
		a.log.Warn("the admin port did not close cleanly", "error", err)
	}
}

// asked returns the parts that must answer for the server to be ready. The question to the
// committer costs no fsync if nothing waits for one.
func (s *Server) asked() []engine.Part {
	return append(s.Core.Parts(), engine.Part{Name: "committer", Ask: s.Desk.Durable})
}

// ready returns nil if the server takes orders, else the reason why not.
func (s *Server) ready(ctx context.Context, health *engine.Health) error {
	if err := s.Core.Serving(); err != nil {
		return err
	}
	if err := s.Desk.Accepting(); err != nil {
		return err
	}
	if err := health.Check(ctx); err != nil {
		return err
	}
	return s.Core.Serving() // it may have started to stop
}

// troubles returns a line for each thing that an operator must mend although the server takes
// orders.
func (s *Server) troubles() (lines string) {
	if err := s.Desk.HistoryDamage(); err != nil {
		lines += "but the history is damaged: " + err.Error() + "\n"
	}
	if _, _, err := s.Desk.OlderJournal(); err != nil {
		lines += "but an older part of the journal is damaged: " + err.Error() + "\n"
	}
	return lines
}

// adminHandler serves /healthz (the process lives), /readyz (it takes orders),
// /metrics and /debug/pprof.
func adminHandler(s *Server, health *engine.Health) http.Handler {
	mux := http.NewServeMux()
	ready := func() bool { return s.ready(context.Background(), health) == nil }
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(s.version, newCollector(s, s.Core, ready)), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(r.Context(), health); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n" + s.troubles()))
	})
	addProfiles(mux)
	return mux
}

// addProfiles makes mux serve /debug/pprof.
func addProfiles(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		mux.HandleFunc("/debug/pprof/"+path, forLoopback(h))
	}
}

// forLoopback refuses requests from other machines.
func forLoopback(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
			http.Error(w, "only for clients on the server's machine, over loopback", http.StatusForbidden)
			return
		}
		h(w, r)
	}
}
