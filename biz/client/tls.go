package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// socketServer is the name that the certificate of a server on a Unix socket must have.
const socketServer = "localhost"

// Encrypt speaks TLS over a connection to addr, an address of Dial, and makes the handshake,
// which ctx bounds. The certificate of the server must be for the host of addr, or "localhost"
// for a Unix socket, unless the configuration names another. After an error conn is closed.
//
// Errors wrap ErrNoTLS, ErrHandshakeRefused, ErrClientCertificate, ErrClosedByServer or
// *tls.CertificateVerificationError; Explain says what to do about each.
func Encrypt(ctx context.Context, conn net.Conn, addr string, config *tls.Config) (net.Conn, error) {
	to, err := parseAddress(addr)
	if err == nil {
		return overTLS(ctx, conn, to, config)
	}
	_ = conn.Close() // err says why
	return nil, err
}

// overTLS is Encrypt to a parsed address.
func overTLS(ctx context.Context, conn net.Conn, to target, config *tls.Config) (net.Conn, error) {
	if config = config.Clone(); config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = socketServer
		if host, _, err := net.SplitHostPort(to.address); err == nil && to.network != "unix" {
			config.ServerName = host
		}
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the error below says why
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w during the TLS handshake", ErrClosedByServer)
		}
		return nil, tlsError(err)
	}
	return &encrypted{c}, nil
}

// encrypted is a TLS connection. A server learns whether it takes the client's certificate
// after the client has finished the handshake, so that Read returns what it says.
type encrypted struct{ *tls.Conn }

// Read implements net.Conn. A server that was killed sends no close_notify: that is io.EOF, too,
// because frames have a length.
func (c *encrypted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, tlsError(err)
}

// tlsError adds to an error of crypto/tls what it means.
func tlsError(err error) error {
	var noTLS tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &noTLS):
		return fmt.Errorf("%w: %w", ErrNoTLS, err)
	case !errors.As(err, &remote) || remote.Op != "remote error": // it is no alert
		return err
	case strings.Contains(remote.Err.Error(), "certificate"): // crypto/tls has no type for alerts
		return fmt.Errorf("%w: %w", ErrClientCertificate, remote.Err)
	case strings.HasSuffix(remote.Err.Error(), "handshake failure"):
		return fmt.Errorf("%w: %w", ErrHandshakeRefused, remote.Err)
	}
	return err
}

// saysTLS reports whether the text of a server that ends a connection says that it takes only
// TLS.
func saysTLS(text string) bool {
	return strings.Contains(text, "does not speak TLS") || strings.Contains(text, "HTTPS")
}

// answersTLS reports whether b is the start of a TLS alert, which a server that takes only TLS
// sends to others.
func answersTLS(b []byte) bool {
	const alert, major = 21, 3
	return len(b) > 1 && b[0] == alert && b[1] == major
}

// errOnlyTLS means that the server takes only TLS.
var errOnlyTLS = errors.New("it answers in TLS")

// useTLS is what to do if the server takes only TLS.
const useTLS = "use TLS: --tls, or --tls-ca FILE if its certificate is from an authority of your own"

// explainTLS returns what to do about an error of TLS, or "".
func explainTLS(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, ErrNoTLS), errors.As(err, new(tls.RecordHeaderError)):
		return "connect without TLS (--tls, --tls-ca and --tls-cert ask for it, and so does wss://), or correct the address"
	case errors.Is(err, ErrClientCertificate):
		return "use a certificate that is valid now, from an authority that the server trusts: --tls-cert FILE --tls-key FILE"
	case errors.Is(err, ErrHandshakeRefused):
		return "it may have too many connections: try again later; or it wants another version of TLS: its log says which"
	case errors.As(err, &authority):
		return "if the certificate is from an authority of your own, name the file of that with --tls-ca; else another server may be there"
	case errors.As(err, &name):
		return "connect to a name or an address that the certificate has, or let the server have a certificate for this one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server needs a new certificate; if it has one, check the clock of this machine"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "the server needs another certificate, or another server is there"
	}
	return ""
}
