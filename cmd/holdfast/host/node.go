package host

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/biz/cluster"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/cmd/holdfast/config"
	"holdfast/engine"
)

// Node is a running node of a cluster with its admin port.
type Node struct {
	*cluster.Node
	Admin  string // address of metrics, status and pprof
	Seed   *seed.Seed
	Memory Memory

	admin *nodeAdmin
}

// StartNode starts a node of a cluster with the settings of c. It returns when clients can connect. A
// *config.Error names the setting that prevents the start.
func StartNode(ctx context.Context, c *config.Config, o Options, log *slog.Logger) (*Node, error) {
	s := newServer(c, o, log)
	var err error
	if s.Seed, err = LoadSeed(c.SeedFile); err != nil {
		return nil, err
	}
	if s.Day, err = newDay(c, s.Seed, time.Now()); err != nil {
		return nil, err
	}
	if s.encryption, err = newEncryption(c, time.Now()); err != nil {
		return nil, err
	}
	if err := c.CheckExposed(); err != nil {
		return nil, err
	}
	if err := checkPorts(c); err != nil {
		return nil, err
	}
	k, err := clusterConfig(c, s, o, log)
	if err != nil {
		return nil, err
	}
	n := &Node{Seed: s.Seed, Memory: s.Memory}
	if n.admin, err = startNodeAdmin(c.Admin, log); err != nil {
		return nil, portError(c, "admin", c.Admin, err)
	}
	n.Admin = n.admin.addr
	if n.Node, err = cluster.Start(ctx, k); err != nil {
		n.admin.close()
		return nil, settingError(c, err)
	}
	n.admin.serve(n.Node, s)
	return n, nil
}

// Stop stops the node and its admin port.
func (n *Node) Stop() error {
	defer n.admin.close()
	return n.Node.Stop()
}

// clusterConfig returns the settings of the node.
func clusterConfig(c *config.Config, s *Server, o Options, log *slog.Logger) (cluster.Config, error) {
	k, err := storeConfig(c, log)
	k.Version = o.Version
	k.SeedHash = func() string { return hex.EncodeToString(s.Seed.SHA256[:]) }
	k.Venue = func(int) wiring.Config { return s.venue().parts(c, o, log) }
	k.Listeners, k.EventLoops = listenersOf(c, s.encryption, o.WebSocketEcho), EventLoops(c)
	k.Drain, k.Limits, k.Heartbeat = c.Drain, limitsOf(c, s.Memory.plan), c.Heartbeat
	k.Delays, k.FIXCustomer = s.Day.Preset.LatencyMax > 0, s.fixCustomer
	return k, err
}

// storeConfig returns the settings with which the node stores streams.
func storeConfig(c *config.Config, log *slog.Logger) (cluster.Config, error) {
	k := cluster.Config{Node: c.Cluster.Node, Listen: c.Cluster.Listen, Data: c.Data, Log: log}
	for _, p := range c.Cluster.Peers {
		k.Peers = append(k.Peers, cluster.Peer{Node: p.Node, Address: p.Address})
	}
	var err error
	if k.Secret, err = readSecret(c); err != nil {
		return k, err
	}
	k.TLS, err = clusterTLS(c)
	return k, err
}

// fixCustomer returns the customer of a SenderCompID of FIX clients.
func (s *Server) fixCustomer(compID string) (ledger.Customer, bool) {
	for i := range s.Seed.Customers {
		c := &s.Seed.Customers[i]
		if strconv.FormatUint(uint64(c.Number), 10) == compID || slices.ContainsFunc(c.FIX, func(f seed.FIX) bool { return f.CompID == compID }) {
			return c.Number, true
		}
	}
	return 0, false
}

// venue returns a server with the settings of s and its own trading day.
func (s *Server) venue() *Server {
	v := &Server{Seed: s.Seed, Memory: s.Memory, config: s.config, version: s.version, seedFile: s.seedFile, log: s.log, Day: s.Day}
	if day, err := newDay(s.config, s.Seed, time.Now()); err == nil { // else the script's file is gone
		v.Day = day
	}
	return v
}

// readSecret returns the password of the nodes at each other.
func readSecret(c *config.Config) (string, error) {
	if c.Cluster.SecretFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.Cluster.SecretFile)
	if err != nil {
		return "", config.Unreadable(c.Cluster.SecretFile, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", &config.Error{Origin: c.Origin("cluster.secret_file"), Problem: fmt.Sprintf("the file %s is empty: write a long random text into it, the same for all nodes", c.Cluster.SecretFile)}
	}
	return secret, nil
}

// clusterTLS returns how nodes encrypt what they send to each other: both ends show a certificate of
// an authority of the cluster. It is nil without encryption.
func clusterTLS(c *config.Config) (*tls.Config, error) {
	k := &c.Cluster
	if k.TLSCert == "" {
		return nil, nil
	}
	wrong := func(key string, err error) error {
		return &config.Error{Origin: c.Origin(key), Problem: err.Error()}
	}
	certificate, err := tls.LoadX509KeyPair(k.TLSCert, k.TLSKey)
	if err != nil {
		return nil, wrong("cluster.tls_cert", err)
	}
	text, err := os.ReadFile(k.TLSCA)
	if err != nil {
		return nil, config.Unreadable(k.TLSCA, err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, wrong("cluster.tls_ca", fmt.Errorf("the file %s has no certificate in PEM", k.TLSCA))
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate},
		RootCAs: authorities, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// nodeAdmin is the admin port of a node.
type nodeAdmin struct {
	addr   string
	http   http.Server
	mux    *http.ServeMux
	health *engine.Health // nil until the node has started
	done   chan struct{}
}

func startNodeAdmin(listen string, log *slog.Logger) (*nodeAdmin, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	a := &nodeAdmin{addr: l.Addr().String(), mux: http.NewServeMux(), done: make(chan struct{})}
	addProfiles(a.mux)
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	for _, path := range []string{"/readyz", "/cluster", "/cluster/"} { // serve adds the same with methods
		a.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the node waits for the other nodes: most of them must run", http.StatusServiceUnavailable)
		})
	}
	conns := newBoundedConns(l, adminConnections)
	a.http = http.Server{
		Handler: boundBody(a.mux), ConnState: conns.changed, ReadHeaderTimeout: adminHeaderTime, IdleTimeout: adminIdleTime,
		MaxHeaderBytes: adminHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(a.done)
		if err := a.http.Serve(conns); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin port stopped", "error", err)
		}
	}()
	return a, nil
}

// serve answers from now on also what needs the node. s has its settings.
func (a *nodeAdmin) serve(n *cluster.Node, s *Server) {
	core := n.Front.Core()
	a.health = engine.NewHealth(core.Parts()...)
	ready := func(ctx context.Context) error { return errors.Join(n.Ready(), a.health.Check(ctx)) }
	traffic := newCollector(s, core, func() bool { return ready(context.Background()) == nil })
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(s.version, traffic, newClusterCollector(n.Counts, n.Copies)), promhttp.HandlerOpts{}))
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	a.mux.HandleFunc("GET /cluster", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(n.Status(r.Context())) // the client is gone
	})
	order := func(path string, do func(ctx context.Context, stream, node string) error) {
		a.mux.HandleFunc("POST /cluster/"+path, forLoopback(func(w http.ResponseWriter, r *http.Request) {
			if err := do(r.Context(), r.FormValue("stream"), r.FormValue("node")); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		}))
	}
	order("move", n.Move)
	order("drain", func(ctx context.Context, _, node string) error { return n.Drain(ctx, node) })
	order("undrain", func(ctx context.Context, _, node string) error { return n.Undrain(ctx, node) })
}

func (a *nodeAdmin) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.http.Shutdown(ctx); err != nil {
		_ = a.http.Close()
	}
	<-a.done
	if a.health != nil {
		a.health.Close()
	}
}
