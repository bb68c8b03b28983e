package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// newReactor starts a reactor with a listener of the packet dialect, and one of WebSocket, and
// returns their addresses. It answers a login as customer 100001 if the session's certificate has
// the name "trader".
func newReactor(t *testing.T, config *tls.Config) (packet, web string) {
	t.Helper()
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandConn, engine.OnLoop, func(c *engine.Context) { c.Reply(codec.ResultOK, &pb.ConnReply{Uid: 7}) })
	router.Handle(codec.CommandSubmit, engine.OnLoop, func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	router.Handle(codec.CommandLogin, engine.OnLoop, func(c *engine.Context) {
		var r pb.LoginRequest
		if err := r.UnmarshalVT(c.Message.Body); err != nil || r.Credential != nil || c.Session.Certificate() == nil || c.Session.Certificate().Subject.CommonName != "trader" {
			c.Reply(codec.ResultUnauthenticated, nil)
			return
		}
		c.Reply(codec.ResultOK, &pb.LoginReply{Account: &pb.Account{Customer: r.Customer}})
	})
	router.Handle(codec.CommandOrders, engine.OnLoop, func(c *engine.Context) { c.Reply(codec.ResultOK, &pb.OrdersReply{}) })
	core := carriertest.NewCore(t, engine.Config{Router: router})
	r, err := core.NewReactor(engine.ReactorConfig{Loops: 1, Listeners: []engine.Listener{
		{Address: "127.0.0.1:0", TLS: config},
		{Address: "127.0.0.1:0", TLS: config, WebSocket: &engine.WebSocket{Binary: websocket.Packet{}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := carriertest.Serve(t, core, r)
	return s.Addrs[0], client.WebSocketAddress(s.Addrs[1])
}

func TestTLS(t *testing.T) {
	packet, web := newReactor(t, carriertest.ServerTLS())
	for name, addr := range map[string]string{"packet": packet, "WebSocket": web, "wss": "wss" + strings.TrimPrefix(web, "ws")} {
		t.Run(name, func(t *testing.T) {
			config := carriertest.ClientTLS()
			config.ServerName = "" // from the address
			config.Certificates = []tls.Certificate{carriertest.ClientCertificate("trader")}
			c, err := client.Dial(t.Context(), addr, client.Options{TLS: config})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Submit(t.Context(), make([]byte, 50_000)); err != nil {
				t.Error(err)
			}
			if _, err := c.Login(t.Context(), 100001, client.Credential{}); err != nil {
				t.Error(err)
			}
			next, _, err := c.Reconnect(t.Context(), 100001, client.Credential{})
			if err != nil {
				t.Fatal(err)
			}
			next.Close()
			if config.ServerName != "" {
				t.Error("the client has changed the configuration")
			}
		})
	}
}

// foreign returns a configuration of a server, and one of a client that trusts it.
func foreign(t *testing.T, template *x509.Certificate) (server, trusting *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.IsCA, template.BasicConstraintsValid = big.NewInt(1), true, true
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// TestTLSErrors: each error says what is wrong, and Explain what to do.
func TestTLSErrors(t *testing.T) {
	later := time.Now().Add(time.Hour)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	expired, trustsExpired := foreign(t, &x509.Certificate{IPAddresses: loopback, NotAfter: time.Now().Add(-time.Hour)})
	other, trustsOther := foreign(t, &x509.Certificate{DNSNames: []string{"other.example"}, NotAfter: later})
	strict := carriertest.ServerTLS()
	strict.ClientAuth = tls.RequireAndVerifyClientCert
	modern := carriertest.ServerTLS()
	modern.MinVersion = tls.VersionTLS13
	old := carriertest.ClientTLS()
	old.MaxVersion = tls.VersionTLS12
	unknown, _ := foreign(t, &x509.Certificate{NotAfter: later, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	stranger := carriertest.ClientTLS()
	stranger.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &unknown.Certificates[0], nil }
	for _, tc := range []struct {
		name           string
		server, client *tls.Config
		is             error
		text, advice   string
	}{
		{"unknown authority", carriertest.ServerTLS(), &tls.Config{}, nil, "unknown authority", "--tls-ca"},
		{"expired", expired, trustsExpired, nil, "expired", "new certificate"},
		{"another name", other, trustsOther, nil, "127.0.0.1", "name or an address"},
		{"plain server", nil, carriertest.ClientTLS(), client.ErrNoTLS, "does not speak TLS", "without TLS"},
		{"plain client", carriertest.ServerTLS(), nil, nil, "TLS", "--tls"},
		{"no client certificate", strict, carriertest.ClientTLS(), client.ErrClientCertificate, "certificate required", "--tls-cert"},
		{"client certificate of another authority", carriertest.ServerTLS(), stranger, client.ErrClientCertificate, "certificate", "--tls-cert"},
		{"old version", modern, old, nil, "protocol version", ""},
	} {
		packet, web := newReactor(t, tc.server)
		for door, addr := range map[string]string{"packet": packet, "WebSocket": web} {
			t.Run(tc.name+"/"+door, func(t *testing.T) {
				c, err := client.Dial(t.Context(), addr, client.Options{TLS: tc.client})
				if err == nil {
					c.Close()
					t.Fatal("no error")
				}
				if tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.text) || client.Denied(err) != (tc.is == client.ErrClientCertificate) {
					t.Errorf("error %q", err)
				}
				if advice := client.Explain(err); !strings.Contains(advice, tc.advice) {
					t.Errorf("advice %q for %q", advice, err)
				}
			})
		}
	}
}

// TestForeignTLSAnswers: other servers say in other ways that they take only TLS, or end a
// handshake.
func TestForeignTLSAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		tls          *tls.Config
		is           error
		advice       string
		busy         bool
	}{
		{"an alert", "\x15\x03\x01\x00\x02\x02\x46", nil, client.ErrProtocol, "--tls", false},
		{"handshake_failure", "\x15\x03\x03\x00\x02\x02\x28", carriertest.ClientTLS(), client.ErrHandshakeRefused, "too many connections", true},
		{"nothing", "", carriertest.ClientTLS(), client.ErrClosedByServer, "log", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				conn.Read(make([]byte, 4096)) // what does not matter
				conn.Write([]byte(tc.answer))
			}()
			c, err := client.Dial(t.Context(), l.Addr().String(), client.Options{TLS: tc.tls})
			if err == nil {
				c.Close()
				t.Fatal("no error")
			}
			<-answered
			if !errors.Is(err, tc.is) || client.Busy(err) != tc.busy || !strings.Contains(client.Explain(err), tc.advice) {
				t.Errorf("error %q, busy %v, advice %q", err, client.Busy(err), client.Explain(err))
			}
		})
	}
}

// TestKilledTLSServer: a connection that ends without close_notify is closed by the server.
func TestKilledTLSServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		secured := tls.Server(conn, carriertest.ServerTLS())
		(&fakeConn{Conn: secured}).serve(greeting(func(*fakeConn, codec.Message) { conn.Close() }))
	}()
	c, err := client.Dial(t.Context(), l.Addr().String(), client.Options{TLS: carriertest.ClientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Submit(t.Context(), nil); !errors.Is(err, client.ErrClosedByServer) {
		t.Errorf("error %v", err)
	}
	<-served
}
