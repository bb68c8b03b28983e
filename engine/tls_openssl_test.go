package engine_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// program is openssl s_client, as a connection: what it reads and writes is the content.
type program struct {
	net.Conn
	t    testing.TB
	in   io.WriteCloser
	out  io.Reader
	errs lines
	cmd  *exec.Cmd
}

func (p *program) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *program) Write(b []byte) (int, error) { return p.in.Write(b) }

// needOpenSSL skips the test if there is no openssl.
func needOpenSSL(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err == nil {
		return
	}
	if os.Getenv("HOLDFAST_CI") != "" {
		t.Fatal("needs openssl: apt-get install openssl")
	}
	t.Skip("skip: needs openssl: apt-get install openssl")
}

// startClient starts s_client. It takes commands at the start of what is written: q, k, K and R.
func startClient(t testing.TB, addr string, args ...string) *program {
	t.Helper()
	args = append([]string{"s_client", "-connect", addr, "-quiet", "-no_ign_eof", "-cipher", "ALL@SECLEVEL=0"}, args...)
	p := &program{t: t, cmd: exec.Command("openssl", args...)}
	p.cmd.Stderr = &p.errs
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

func (p *program) peer() *peer { return carriertest.NewPeer(p.t, p) }

// command sends a command and waits until the program says that it does it.
func (p *program) command(c, says string) {
	p.t.Helper()
	before := strings.Count(p.errs.String(), says)
	_, _ = p.Write([]byte(c))
	eventually(p.t, says, func() bool { return strings.Count(p.errs.String(), says) > before })
}

// ends waits for the end of the program and returns what it says.
func (p *program) ends() (string, error) {
	_, _ = io.Copy(io.Discard, p.out)
	err := p.cmd.Wait()
	return p.errs.String(), err
}

var protocols = map[string]string{"TLS 1.2": "-tls1_2", "TLS 1.3": "-tls1_3"}

// A session of openssl with each version: requests, and the close from either side.
func TestOpenSSL(t *testing.T) {
	needOpenSSL(t)
	for name, protocol := range protocols {
		t.Run(name, func(t *testing.T) {
			r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{})
			first := startClient(t, r.Addr, protocol)
			p := first.peer()
			p.Echoes(onLane)
			p.Send(onLane, 1, strings.Repeat("large", 9_000))
			p.Expect(onLane.Reply(), 1, "\x00"+strings.Repeat("large", 9_000))
			_, _ = first.Write([]byte("Q"))
			if text, err := first.ends(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			expectClosed(t, r, engine.ReasonPeerClosed, 1)

			second := startClient(t, r.Addr, protocol)
			p = second.peer()
			p.Echoes(onLoop)
			r.CloseAll(engine.ReasonOnDemand)
			text, err := second.ends() // it says so if there is no close_notify
			if err != nil || strings.Contains(text, "unexpected eof") {
				t.Errorf("%v: %s", err, text)
			}
			expectClosed(t, r, engine.ReasonOnDemand, 1)
		})
	}
}

func TestOpenSSLOldVersions(t *testing.T) {
	needOpenSSL(t)
	r := serveTLS(t, engine.Config{}, engine.Listener{})
	for _, protocol := range []string{"-tls1", "-tls1_1"} {
		text, err := startClient(t, r.Addr, protocol).ends()
		if err == nil || !strings.Contains(text, "alert protocol version") {
			t.Errorf("%s: %v: %s", protocol, err, text)
		}
	}
	eventually(t, "the end of both", func() bool { return r.Len() == 0 })
	if r.Stats.HandshakesFailed.Load() != 2 || r.Stats.Handshakes.Load() != 0 {
		t.Errorf("%d handshakes have failed and %d succeeded", r.Stats.HandshakesFailed.Load(), r.Stats.Handshakes.Load())
	}
}

// The session goes on after KeyUpdates of both kinds.
func TestOpenSSLKeyUpdate(t *testing.T) {
	needOpenSSL(t)
	r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{})
	c := startClient(t, r.Addr, "-tls1_3")
	p := c.peer()
	p.Echoes(onLane)
	for _, command := range []string{"k\n", "K\n", "K\n", "k\n"} {
		c.command(command, "KEYUPDATE")
		p.Echoes(onLane)
		p.Echoes(onLoop)
	}
}

func TestOpenSSLRenegotiation(t *testing.T) {
	needOpenSSL(t)
	limits := patient()
	r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
	c := startClient(t, r.Addr, "-tls1_2")
	c.peer().Echoes(onLane)
	c.command("R\n", "RENEGOTIATING")
	if text, err := c.ends(); err == nil || !strings.Contains(text, "alert unexpected message") {
		t.Errorf("%v: %s", err, text)
	}
	expectClosed(t, r, engine.ReasonMalformed, 1)
}

func TestOpenSSLResumption(t *testing.T) {
	needOpenSSL(t)
	for name, protocol := range protocols {
		t.Run(name, func(t *testing.T) {
			r := serveTLS(t, engine.Config{}, engine.Listener{})
			file := filepath.Join(t.TempDir(), "session")
			c := startClient(t, r.Addr, protocol, "-sess_out", file)
			c.peer().Echoes(onLane)
			_, _ = c.Write([]byte("Q"))
			if text, err := c.ends(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			second := exec.Command("openssl", "s_client", "-connect", r.Addr, protocol, "-sess_in", file)
			text, err := second.CombinedOutput()
			if err != nil || !bytes.Contains(text, []byte("\nReused, ")) {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
}

// authority is another certificate authority.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: "another authority"}, IsCA: true, BasicConstraintsValid: true, SerialNumber: big.NewInt(1),
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(24 * time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, root}
}

// client returns the files of a certificate and its key.
func (a *authority) client(name string, until time.Time) []string {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(2), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}, a.root, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	files := []string{"-cert", filepath.Join(dir, "cert"), "-key", filepath.Join(dir, "key")}
	for name, block := range map[string]*pem.Block{files[1]: {Type: "CERTIFICATE", Bytes: raw}, files[3]: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return files
}

func TestOpenSSLClientCertificate(t *testing.T) {
	needOpenSSL(t)
	a, until := newAuthority(t), time.Now().Add(time.Hour)
	config := carriertest.ServerTLS()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	config.ClientCAs.AddCert(a.root)
	for name, protocol := range protocols {
		t.Run(name, func(t *testing.T) {
			r := serveTLS(t, engine.Config{Router: named(), Limits: patient()}, engine.Listener{TLS: config})
			p := startClient(t, r.Addr, append(a.client("trader", until), protocol)...).peer()
			p.Send(special, 1, "")
			p.Expect(special.Reply(), 1, "\x00trader")
			for name, args := range map[string][]string{
				"absent": nil, "wrong authority": newAuthority(t).client("trader", until), "expired": a.client("trader", time.Now().Add(-time.Minute)),
			} {
				text, err := startClient(t, r.Addr, append(args, protocol)...).ends()
				if err == nil || !strings.Contains(text, "alert") {
					t.Errorf("%s: %v: %s", name, err, text)
				}
			}
			if ok, failed := r.Stats.Handshakes.Load(), r.Stats.HandshakesFailed.Load(); ok != 1 || failed != 3 {
				t.Errorf("%d handshakes succeeded and %d failed", ok, failed)
			}
		})
	}
}

// strictTLS returns a configuration as servers should have it, with certificates of both kinds.
func strictTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}, SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c := carriertest.ServerTLS()
	c.Certificates = append(c.Certificates, tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key})
	c.CipherSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	return c
}

// The versions and cipher suites that are accepted: TLS 1.3, and of TLS 1.2 those with ephemeral
// keys and authenticated encryption.
func TestTLSVersionsAndSuites(t *testing.T) {
	r := serveTLS(t, engine.Config{}, engine.Listener{TLS: strictTLS(t)})
	suites := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	accepted := 0
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		for _, suite := range suites {
			if tls13 := suite.SupportedVersions[0] == tls.VersionTLS13; tls13 != (v == tls.VersionTLS13) {
				continue
			}
			c := version(v)
			c.InsecureSkipVerify, c.CipherSuites = true, []uint16{suite.ID}
			name := suite.Name
			want := v == tls.VersionTLS13 || v == tls.VersionTLS12 && strings.HasPrefix(name, "TLS_ECDHE_") && (strings.Contains(name, "_GCM_") || strings.Contains(name, "_CHACHA20_"))
			err := tls.Client(connect(t, r.Addr, net.Dialer{}), c).Handshake()
			if (err == nil) != want {
				t.Errorf("%s with %s: %v", tls.VersionName(v), name, err)
			}
			if err == nil {
				accepted++
			}
		}
	}
	if accepted != 6+3 {
		t.Errorf("%d accepted", accepted)
	}
}
