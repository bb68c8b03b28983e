package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// Limits of the admin port, which must not take from clients what it needs itself.
const (
	adminConnections = 16 // the next one waits in the kernel's queue
	adminHeaderTime  = 5 * time.Second
	adminBodyTime    = 10 * time.Second
	adminIdleTime    = 30 * time.Second // Prometheus comes again within it, or connects again
	adminHeaderBytes = 16 << 10
)

// adminServer answers operators: health, metrics, profiles.
type adminServer struct {
	addr string
	http http.Server
	done chan struct{}
}

func startAdmin(listen string, s *server, log *slog.Logger) (*adminServer, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	a := &adminServer{addr: l.Addr().String(), done: make(chan struct{})}
	if !onLoopback(l.Addr()) {
		log.Warn("the admin port is open beyond this machine: whoever reaches it sees metrics and takes profiles", "admin", a.addr)
	}
	// No ReadTimeout and no WriteTimeout, which would end long profiles.
	a.http = http.Server{
		Handler:           boundBody(adminHandler(s)),
		ReadHeaderTimeout: adminHeaderTime,
		IdleTimeout:       adminIdleTime,
		MaxHeaderBytes:    adminHeaderBytes,
	}
	go func() {
		defer close(a.done)
		if err := a.http.Serve(netutil.LimitListener(l, adminConnections)); !errors.Is(err, http.ErrServerClosed) {
			log.Error("admin port ended", "error", err)
		}
	}()
	return a, nil
}

// boundBody gives the body of a request, where there is one, its time. The server
// would wait for the rest of it without end.
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

func (a *adminServer) close(ctx context.Context) error {
	err := a.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = a.http.Close() // a profile or trace that somebody still takes
	}
	<-a.done
	return err
}

// adminHandler serves /healthz (the process lives), /readyz (it takes orders),
// /metrics and /debug/pprof.
func adminHandler(s *server) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newServerCollector(s), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Desk.Accepting(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
