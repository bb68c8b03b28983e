package carriertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"
)

// TLSPrefix is before the address of a listener that speaks TLS.
const TLSPrefix = "tls:"

// authority is a certificate authority, and the certificate of a server on 127.0.0.1.
type authority struct {
	key    *ecdsa.PrivateKey
	root   *x509.Certificate
	pool   *x509.CertPool
	server tls.Certificate
}

var shared = sync.OnceValue(func() *authority {
	a := &authority{key: newKey(), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "holdfast test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
	}
	a.root = template
	template = certify(a, template, &a.key.PublicKey)
	a.root = template
	a.pool.AddCert(a.root)
	a.server = a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return a
})

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// certify returns the certificate of a key.
func certify(a *authority, template *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	raw, err := x509.CreateCertificate(rand.Reader, template, a.root, key, a.key)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		panic(err)
	}
	return c
}

// issue returns a new key with a certificate.
func (a *authority) issue(template *x509.Certificate) tls.Certificate {
	key := newKey()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	c := certify(a, template, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

// ServerTLS returns the configuration of a listener on 127.0.0.1, which takes certificates of
// ClientCertificate.
func ServerTLS() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{shared().server}, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: shared().pool, DynamicRecordSizingDisabled: true,
	}
}

// ClientTLS returns the configuration of its clients.
func ClientTLS() *tls.Config {
	return &tls.Config{RootCAs: shared().pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// ClientCertificate returns a certificate of a client with that name.
func ClientCertificate(name string) tls.Certificate {
	return shared().issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}
