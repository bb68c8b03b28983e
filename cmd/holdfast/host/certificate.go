package host

import (
	"crypto/tls"
	"sync/atomic"
	"time"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/pemfile"
)

// encryption is how the listeners with TLS encrypt. A reload replaces its certificates: new
// connections get the new ones, and those that are open stay.
type encryption struct {
	current atomic.Pointer[tls.Config]
}

// newEncryption reads the files of c; without any it is nil. Errors are *config.Error.
func newEncryption(c *config.Config, now time.Time) (*encryption, error) {
	if c.TLSCert == "" {
		return nil, nil //nolint:nilnil // no listener asks for it
	}
	read, err := readEncryption(c, now)
	e := new(encryption)
	e.current.Store(read)
	return e, err
}

// readEncryption reads and checks the files of c.
func readEncryption(c *config.Config, now time.Time) (*tls.Config, error) {
	certificate, err := readCertificate(c, now)
	if err != nil {
		return nil, err
	}
	t := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: cipherSuites(),
		Certificates: []tls.Certificate{certificate},
		// A reply is one record: latency does not come from the size of records here.
		DynamicRecordSizingDisabled: true,
	}
	if c.TLSClientCA != "" {
		if t.ClientCAs, err = pemfile.ReadAuthorities(c.TLSClientCA); err != nil {
			return nil, err
		}
		t.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return t, nil
}

// cipherSuites are those of TLS 1.2: with forward secrecy and authenticated encryption. TLS 1.3 has
// no others.
func cipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// config returns the configuration of a listener, which asks for the current one at each handshake.
func (e *encryption) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return e.current.Load(), nil },
	}
}

// expires returns when the certificate expires.
func (e *encryption) expires() time.Time { return e.current.Load().Certificates[0].Leaf.NotAfter }

// CertificateExpires returns when the certificate of the listeners expires, if one speaks TLS.
func (s *Server) CertificateExpires() (at time.Time, ok bool) {
	if s.encryption == nil {
		return time.Time{}, false
	}
	return s.encryption.expires(), true
}

// readCertificate reads and checks the certificate of the server.
func readCertificate(c *config.Config, now time.Time) (tls.Certificate, error) {
	pair, err := pemfile.ReadPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return pair, err
	}
	const minutes = "2006-01-02 15:04 MST"
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		err = &config.Error{Origin: c.TLSCert, Problem: "the certificate has expired, on " + leaf.NotAfter.Format(minutes) + ": renew it"}
	case now.Before(leaf.NotBefore):
		err = &config.Error{Origin: c.TLSCert, Problem: "the certificate is valid from " + leaf.NotBefore.Format(minutes) + " on: check the clock of this machine"}
	}
	return pair, err
}
