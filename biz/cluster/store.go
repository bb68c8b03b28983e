package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	clusterName = "holdfast"
	natsAccount = "$G"
	// bootTime is how long the NATS server may take to take connections of this process.
	bootTime   = 30 * time.Second
	maxPayload = 1 << 20
	// A connection to another node is made anew when peerPings pings in a row have no answer: after a cut of
	// the network TCP itself may wait as long again as the cut has lasted.
	peerPing    = time.Second
	peerPings   = 3
	storeMemory = 64 << 20
)

// store is the NATS server of the node, with its part of the streams.
type store struct {
	srv   *server.Server
	token string // of connections
	log   *slog.Logger
}

// startStore starts the NATS server. It does not wait for the other nodes.
func startStore(c *Config) (*store, error) {
	if err := setTimers(); err != nil {
		return nil, err
	}
	host, port, err := splitAddress(c.Listen)
	if err != nil {
		return nil, err
	}
	// Without a listener for clients it would never connect to the other nodes. Nobody else has the token.
	s := &store{token: rand.Text(), log: c.Log}
	o := &server.Options{
		ServerName: c.Node, Host: "127.0.0.1", Port: server.RANDOM_PORT, Authorization: s.token, NoSigs: true, MaxPayload: maxPayload,
		JetStream: true, StoreDir: c.storeFolder(), SyncAlways: true,
		JetStreamMaxMemory: storeMemory, JetStreamMaxStore: 1 << 60,
		Cluster: server.ClusterOpts{
			Name: clusterName, Host: host, Port: port, NoAdvertise: true,
			// Else the others would tell each other the IP address, which is not what the certificate is for.
			Advertise: c.address(),
			TLSConfig: c.TLS, TLSTimeout: 5, AuthTimeout: 5, PingInterval: peerPing, MaxPingsOut: peerPings,
		},
	}
	if c.Secret != "" {
		o.Cluster.Username, o.Cluster.Password = routeUser, c.Secret
	}
	for _, peer := range c.Peers {
		u := &url.URL{Scheme: "nats-route", Host: peer.Address}
		if c.Secret != "" {
			u.User = url.UserPassword(routeUser, c.Secret)
		}
		o.Routes = append(o.Routes, u)
	}
	srv, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("cluster: NATS server: %w", err)
	}
	s.srv = srv
	srv.SetLoggerV2(serverLog{c.Log}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(bootTime) {
		s.close()
		return nil, fmt.Errorf("cluster: the NATS server did not start within %v: its log lines say why; is %s free?", bootTime, c.Listen)
	}
	return s, nil
}

// routeUser is the name that nodes log in with at each other.
const routeUser = "holdfast"

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		return "", 0, fmt.Errorf("cluster: address %q: %w", address, err)
	}
	return host, port, nil
}

// connect opens a connection inside the process.
func (s *store) connect(name string) (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(s.srv), nats.Name(name), nats.Token(s.token), nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), nats.Timeout(bootTime),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrConnectionClosed) {
				return
			}
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			s.log.Error("connection to the node's NATS server", "name", name, "subject", subject, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("cluster: connect: %w", err)
	}
	return nc, nil
}

// leads reports whether this node leads a stream. It costs a lock.
func (s *store) leads(stream string) bool { return s.srv.JetStreamIsStreamLeader(natsAccount, stream) }

// stores reports whether this node has a copy of the stream.
func (s *store) stores(stream string) bool {
	return s.srv.JetStreamIsStreamAssigned(natsAccount, stream)
}

// close hands the lead of all streams over and stops.
func (s *store) close() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// serverLog logs what the NATS server logs. Its notices report every start and stop.
type serverLog struct{ log *slog.Logger }

func (l serverLog) put(level slog.Level, format string, v []any) {
	ctx := context.Background()
	if l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "NATS server", "text", fmt.Sprintf(format, v...))
	}
}

func (l serverLog) Noticef(format string, v ...any) { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Debugf(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Tracef(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Warnf(format string, v ...any)   { l.put(slog.LevelWarn, format, v) }
func (l serverLog) Errorf(format string, v ...any)  { l.put(slog.LevelError, format, v) }
func (l serverLog) Fatalf(format string, v ...any)  { l.put(slog.LevelError, format, v) }
