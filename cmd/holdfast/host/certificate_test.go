package host_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

// keyPair is the files of a certificate and its key.
type keyPair struct{ cert, key string }

// writePair writes a certificate of 127.0.0.1 that signs itself.
func writePair(t *testing.T, name string, from, until time.Time) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := keyPair{filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")}
	writeFile(t, p.cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, p.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	return p
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// encrypted returns settings with a listener that speaks TLS.
func encrypted(t *testing.T, p keyPair) *config.Config {
	t.Helper()
	c := config.Default()
	c.Listen, c.ListenTLS, c.Admin, c.Data = "127.0.0.1:0", true, "127.0.0.1:0", t.TempDir()
	c.TLSCert, c.TLSKey = p.cert, p.key
	return c
}

// TestUnusableCertificates: each problem of the files is named with the file, and nothing is started.
func TestUnusableCertificates(t *testing.T) {
	now := time.Now()
	good := writePair(t, "good", now.Add(-time.Hour), now.Add(time.Hour))
	other := writePair(t, "other", now.Add(-time.Hour), now.Add(time.Hour))
	expired := writePair(t, "expired", now.Add(-2*time.Hour), now.Add(-time.Hour))
	later := writePair(t, "later", now.Add(time.Hour), now.Add(2*time.Hour))
	open := writePair(t, "open", now.Add(-time.Hour), now.Add(time.Hour))
	if err := os.Chmod(open.key, 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	writeFile(t, text, "hello")
	folder := t.TempDir()
	for _, tc := range []struct {
		name string
		pair keyPair
		ca   string
		want []string
	}{
		{"expired", expired, "", []string{expired.cert + ": the certificate has expired, on", "renew it"}},
		{"not yet valid", later, "", []string{later.cert + ": the certificate is valid from", "clock"}},
		{"of another key", keyPair{good.cert, other.key}, "", []string{other.key + ": does not fit the certificate in " + good.cert}},
		{"missing", keyPair{"nowhere.pem", good.key}, "", []string{"nowhere.pem: cannot be read"}},
		{"a folder", keyPair{folder, good.key}, "", []string{folder + ": cannot be read"}},
		{"missing key", keyPair{good.cert, "nowhere.key"}, "", []string{"nowhere.key: cannot be read"}},
		{"not PEM", keyPair{text, good.key}, "", []string{text + ": is not a PEM file"}},
		{"a key instead", keyPair{good.key, good.key}, "", []string{good.key + ": has no certificate"}},
		{"readable by all", open, "", []string{open.key, "every user of this machine can read", "chmod 600"}},
		{"authorities without one", good, good.key, []string{good.key + ": has no certificate of an authority"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := encrypted(t, tc.pair)
			c.TLSClientCA = tc.ca
			_, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.DiscardHandler))
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if left, _ := os.ReadDir(c.Data); len(left) > 0 {
				t.Errorf("%d files in the data folder", len(left))
			}
		})
	}
}

// served returns the name in the certificate of a server.
func served(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // the test looks at it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestCertificateReload: new connections get the new certificate; those that are open stay, and a
// mistake changes nothing.
func TestCertificateReload(t *testing.T) {
	now := time.Now()
	first := encrypted(t, writePair(t, "first", now.Add(-time.Hour), now.Add(time.Hour)))
	var log bytes.Buffer
	s, err := host.Start(t.Context(), first, host.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	open, err := tls.Dial("tcp", s.Addrs[0], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	second := *first
	second.TLSCert = "nowhere.pem"
	if _, err := s.Reload(&second); err == nil || served(t, s.Addrs[0]) != "first" {
		t.Errorf("after a mistake (%v) it serves %s", err, served(t, s.Addrs[0]))
	}
	p := writePair(t, "second", now.Add(-time.Hour), now.Add(time.Hour))
	second.TLSCert, second.TLSKey = p.cert, p.key
	if _, err := s.Reload(&second); err != nil || served(t, s.Addrs[0]) != "second" {
		t.Errorf("after a reload (%v) it serves %s", err, served(t, s.Addrs[0]))
	}
	if !strings.Contains(log.String(), "the certificate was reloaded") || strings.Contains(log.String(), "need a restart") {
		t.Error(log.String())
	}
	if s.Core.Len() == 0 {
		t.Error("the open connection was closed")
	}
}

// TestExposed: an address that other machines can reach needs TLS, or the setting that allows it.
func TestExposed(t *testing.T) {
	for _, tc := range []struct{ name, listen, admin, console, want string }{
		{"listen", "0.0.0.0:0", "127.0.0.1:0", "", "listen 0.0.0.0:0 (default) can be reached from other machines and does not encrypt"},
		{"every address", ":0", "127.0.0.1:0", "", "listen :0"},
		{"console", "127.0.0.1:0", "127.0.0.1:0", "0.0.0.0:0", "console 0.0.0.0:0 (default) can be reached from other machines and does not encrypt: add the option tls (such as --console 0.0.0.0:0,tls)"},
		{"admin", "127.0.0.1:0", "0.0.0.0:0", "", "admin 0.0.0.0:0 (default) can be reached from other machines"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config.Default()
			c.Listen, c.Admin, c.Console, c.Data = tc.listen, tc.admin, tc.console, t.TempDir()
			_, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "--allow-plaintext") {
				t.Errorf("%v, want %q", err, tc.want)
			}
			var log bytes.Buffer
			c.AllowPlaintext = true
			s, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Stop(); err != nil || !strings.Contains(log.String(), "does not encrypt") {
				t.Error(err, log.String())
			}
		})
	}
	c := encrypted(t, writePair(t, "good", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
	c.Listen = "0.0.0.0:0"
	s, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal("with TLS:", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
