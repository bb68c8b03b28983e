package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/engine/carriertest"
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
			work.Go(func() {
				defer outer.Close()
				if err := outer.(*tls.Conn).HandshakeContext(t.Context()); err != nil {
					return
				}
				inner, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				work.Go(func() {
					io.Copy(inner, outer) // until one of them is closed
					inner.(*net.TCPConn).CloseWrite()
				})
				io.Copy(outer, inner)
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

// certificates are files for the flags.
type certificates struct{ folder, ca, cert, key string }

// newCertificates writes the files; the certificate is that of a client.
func newCertificates(t *testing.T) *certificates {
	t.Helper()
	folder := t.TempDir()
	c := &certificates{folder, filepath.Join(folder, "ca.pem"), filepath.Join(folder, "me.pem"), filepath.Join(folder, "me.key")}
	mine := carriertest.ClientCertificate("trader")
	key, err := x509.MarshalPKCS8PrivateKey(mine.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, c.ca, "CERTIFICATE", carriertest.ServerTLS().Certificates[0].Certificate[0], 0o644)
	c.write(t, c.cert, "CERTIFICATE", mine.Certificate[0], 0o644)
	c.write(t, c.key, "PRIVATE KEY", key, 0o600)
	return c
}

func (c *certificates) write(t *testing.T, file, kind string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), mode); err != nil {
		t.Fatal(err)
	}
}

// TestTLSCommands: every command that connects to a server can do it with TLS.
func TestTLSCommands(t *testing.T) {
	t.Parallel()
	const web, talk = 1, 2
	ports := freePorts(t, 3)
	startServe(t, "--listen", ports[0], "--listener", "websocket="+ports[web], "--listener", "chat="+ports[talk],
		"--admin", "127.0.0.1:0", "--throwaway", "--websocket-echo", "--log-level", "error")
	config := carriertest.ServerTLS()
	for i := range ports {
		ports[i] = inFront(t, ports[i], config)
	}
	files := newCertificates(t)
	for _, tc := range []struct {
		name, stdin string
		args        []string
		stdout      string
	}{
		{"client", "buy 600100 100\n", []string{"client", "--addr", ports[0]}, "600100"},
		{"client with a certificate and a password", "holding\n", []string{"client", "--addr", ports[0], "--tls-cert", files.cert, "--tls-key", files.key, "--password", "holdfast-demo"}, ""},
		{"client, wss", "holding\n", []string{"client", "--addr", "wss://" + ports[web] + "/ws"}, ""},
		{"submit", "", []string{"submit", "--addr", ports[web], "--door", "websocket", "--count", "1"}, "5 acknowledged"},
		{"market", "", []string{"market", "clock", "--addr", ports[0]}, ""},
		{"chat", "hello\n", []string{"chat", "--addr", ports[talk]}, "hello"},
		{"load", "", []string{"load", "--addr", ports[0], "--connections", "3", "--duration", "20ms", "--warmup", "0s"}, "packet, TLS"},
		{"conformance", "", []string{"conformance", "websocket", "--url", "wss://" + ports[web] + "/echo", "--case", "1.1"}, "8 passed"},
		{"scenario", "", []string{"scenario", "bust", "--addr", ports[0]}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs strings.Builder
			p := &main.Program{Args: append(tc.args, "--tls-ca", files.ca), Stdin: strings.NewReader(tc.stdin), Stdout: &out, Stderr: &errs}
			if code := p.Run(t.Context()); code != 0 || !strings.Contains(out.String(), tc.stdout) {
				t.Errorf("code %d, stdout %q, stderr %q", code, out.String(), errs.String())
			}
		})
	}
}

// freePorts returns addresses that are free.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	var listeners []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, addrs = append(listeners, l), append(addrs, l.Addr().String())
	}
	for _, l := range listeners {
		l.Close()
	}
	return addrs
}

// TestTLSAdvice: what a command says about a wrong server, or one that refuses the certificate.
func TestTLSAdvice(t *testing.T) {
	t.Parallel()
	plain := testServer(t)
	strict := carriertest.ServerTLS()
	strict.ClientAuth = tls.RequireAndVerifyClientCert
	encrypted := inFront(t, plain, strict)
	files := newCertificates(t)
	own := []string{"--tls-cert", files.cert, "--tls-key", files.key}
	for _, tc := range []struct {
		name, addr string
		args       []string
		stderr     string
	}{
		{"unknown authority", encrypted, []string{"--tls"}, "name the file of that with --tls-ca"},
		{"plain server", plain, []string{"--tls"}, "the server does not speak TLS on this address: tls: first record does not look like a TLS handshake: connect without TLS"},
		{"no certificate", encrypted, []string{"--tls-ca", files.ca}, "use a certificate that is valid now"},
		{"certificate of nobody", encrypted, append(own, "--tls-ca", files.ca), "the certificate in " + files.cert + " may belong to another customer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := typed(t, tc.addr, "100001", "", tc.args...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, tc.stderr) || strings.Count(stderr, "\n") > 2 {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

// TestTLSFiles: a file that can't be used is named, with what is wrong with it, before anything
// connects.
func TestTLSFiles(t *testing.T) {
	t.Parallel()
	good, other := newCertificates(t), newCertificates(t)
	file := func(name, text string) string {
		path := filepath.Join(good.folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing, plain := filepath.Join(good.folder, "missing"), file("plain", "hello\n")
	locked := file("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	if err := os.Chmod(other.key, 0o644); err != nil {
		t.Fatal(err)
	}
	third := newCertificates(t)
	for _, tc := range []struct {
		name   string
		args   []string
		stderr string
	}{
		{"no such file", []string{"--tls-ca", missing}, missing + ": cannot be read: "},
		{"a folder", []string{"--tls-ca", good.folder}, good.folder + ": cannot be read: "},
		{"not PEM", []string{"--tls-ca", plain}, plain + ": is not a PEM file"},
		{"no authority", []string{"--tls-ca", good.key}, good.key + ": has no certificate of an authority"},
		{"no key", []string{"--tls-cert", good.cert}, "--tls-cert and --tls-key belong together: name both"},
		{"no certificate", []string{"--tls-key", good.key}, "--tls-cert and --tls-key belong together: name both"},
		{"certificate not PEM", []string{"--tls-cert", plain, "--tls-key", good.key}, plain + ": is not a PEM file"},
		{"key as a certificate", []string{"--tls-cert", good.key, "--tls-key", good.key}, good.key + ": has no certificate"},
		{"certificate as a key", []string{"--tls-cert", good.cert, "--tls-key", third.ca}, third.ca + ": has no private key"},
		{"key of another", []string{"--tls-cert", good.cert, "--tls-key", third.key}, third.key + ": does not fit the certificate in " + good.cert},
		{"encrypted key", []string{"--tls-cert", good.cert, "--tls-key", locked}, locked + ": has an encrypted key"},
		{"key for everybody", []string{"--tls-cert", other.cert, "--tls-key", other.key}, other.key + ": is a private key that every user of this machine can read: chmod 600"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, command := range [][]string{{"submit"}, {"chat"}, {"load"}, {"conformance", "websocket"}, {"bust", "100001-1", "--reason=x"}} {
				code, stdout, stderr := run(t, append(command, tc.args...)...)
				if want := fmt.Sprintf("holdfast: %s", tc.stderr); code != 2 || stdout != "" || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 1 {
					t.Errorf("%s: code %d, stdout %q, stderr %q", command, code, stdout, stderr)
				}
			}
		})
	}
}
