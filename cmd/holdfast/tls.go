package main

import (
	"crypto/tls"
	"errors"

	"github.com/spf13/pflag"

	"holdfast/cmd/holdfast/pemfile"
)

// encryption is how a command speaks TLS with a server.
type encryption struct {
	on            bool
	ca, cert, key string // files
}

// encryptionFlags are the names of the flags that add adds.
func encryptionFlags() []string { return []string{"tls", "tls-ca", "tls-cert", "tls-key"} }

// add adds the flags for TLS.
func (e *encryption) add(f *pflag.FlagSet) {
	f.BoolVar(&e.on, "tls", false, "speak TLS, and trust the authorities of this system")
	f.Var(newInFile(&e.ca), "tls-ca", "speak TLS, and trust the authorities in this PEM `file`, such as --tls-ca ca.pem")
	f.Var(newInFile(&e.cert), "tls-cert", "speak TLS with the client certificate in this PEM `file`, such as --tls-cert me.pem --tls-key me.key")
	f.Var(newInFile(&e.key), "tls-key", "private key of --tls-cert: a PEM `file` that others can't read")
}

// newInFile returns the value of a flag for a file to read.
func newInFile(field *string) pflag.Value {
	return newChecked(field, "", "string", func(text string) (string, error) {
		if text == "" {
			return "", errors.New("wants a file")
		}
		return text, nil
	})
}

// config reads the files and returns how to speak TLS; nil: not to.
func (e *encryption) config() (*tls.Config, error) {
	switch {
	case (e.cert == "") != (e.key == ""):
		return nil, &usageError{"--tls-cert and --tls-key belong together: name both"}
	case !e.on && e.ca == "" && e.cert == "":
		return nil, nil //nolint:nilnil // nil is the configuration of a connection without TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.ca != "" {
		var err error
		if c.RootCAs, err = pemfile.ReadAuthorities(e.ca); err != nil {
			return nil, err
		}
	}
	if e.cert != "" {
		pair, err := pemfile.ReadPair(e.cert, e.key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
