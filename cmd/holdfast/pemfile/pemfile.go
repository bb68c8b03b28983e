// Package pemfile reads the PEM files of TLS: certificates, private keys and authorities. Errors are
// *config.Error: one line that starts with the file, and says what to do.
//
// It uses nothing but these files, and keeps nothing of them. A file may have 4 MiB. Goroutine: any.
package pemfile

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"

	"holdfast/cmd/holdfast/config"
)

// maxPEM is the largest file, in bytes.
const maxPEM = 4 << 20

// readPEM reads a file that has at least one block of PEM.
func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, config.Unreadable(path, err)
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	text, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return nil, config.Unreadable(path, err)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, &config.Error{Origin: path, Problem: "is not a PEM file: it has no line such as -----BEGIN CERTIFICATE-----"}
	}
	return text, nil
}

// ReadAuthorities reads a file of certificates of authorities.
func ReadAuthorities(file string) (*x509.CertPool, error) {
	text, err := readPEM(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &config.Error{Origin: file, Problem: "has no certificate of an authority: wants a PEM file with BEGIN CERTIFICATE"}
	}
	return pool, nil
}

// ReadPair reads a certificate, which its chain may follow, and its private key.
func ReadPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := readPEM(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readPEM(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	switch {
	case !bytes.Contains(cert, []byte("BEGIN CERTIFICATE-----")):
		return tls.Certificate{}, &config.Error{Origin: certFile, Problem: "has no certificate: wants a PEM file with BEGIN CERTIFICATE"}
	case bytes.Contains(key, []byte("ENCRYPTED")):
		return tls.Certificate{}, &config.Error{Origin: keyFile, Problem: "has an encrypted key: wants one without a passphrase, which \"openssl pkey -in FILE -out NEW\" writes"}
	case !bytes.Contains(key, []byte("PRIVATE KEY-----")):
		return tls.Certificate{}, &config.Error{Origin: keyFile, Problem: "has no private key: wants a PEM file with BEGIN PRIVATE KEY"}
	}
	if err := checkPrivate(keyFile); err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, &config.Error{Origin: keyFile, Problem: "does not fit the certificate in " + certFile + ": " + err.Error()}
	}
	return pair, nil
}

// checkPrivate returns an error if all users of the machine can read a file.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return config.Unreadable(path, err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		return &config.Error{Origin: path, Problem: "is a private key that every user of this machine can read: chmod 600 it, and think of making a new key"}
	}
	return nil
}
