package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/terminal"
)

// Environment variables for a credential that must not be on the command line.
const (
	passwordVariable = config.EnvPrefix + "PASSWORD"
	tokenVariable    = config.EnvPrefix + "TOKEN"
)

// access is the server that a command connects to, and the login there.
type access struct {
	server
	customer uint32
	password string
	token    string
	demo     bool   // credential returned the published password
	proven   bool   // credential returned none, because a certificate says who it is
	secret   string // the password or token that credential returned, as text
}

// add adds the flags for the server and the login; name is the flag for the customer
// number.
func (a *access) add(f *pflag.FlagSet, name string, customer uint32, usage string) {
	a.server.add(f)
	a.addLogin(f, name, customer, usage)
}

// addLogin adds the flags for the login.
func (a *access) addLogin(f *pflag.FlagSet, name string, customer uint32, usage string) {
	f.Var(newWhole(&a.customer, customer, firstCustomer, lastCustomer), name, usage)
	f.StringVar(&a.password, "password", "", "password (or "+passwordVariable+"); \"-\" prompts for it")
	f.StringVar(&a.token, "token", "", "token in hex (or "+tokenVariable+")")
}

// credential returns the credential from the flags or else from the environment. Without
// either it returns none with a client certificate, else the published demo password.
func (a *access) credential(p *Program) (client.Credential, error) {
	password, token := a.password, a.token
	if password == "" && token == "" {
		password, token = p.Getenv(passwordVariable), p.Getenv(tokenVariable)
	}
	switch {
	case token != "":
		raw, err := hex.DecodeString(token)
		if err != nil || len(raw) == 0 {
			return client.Credential{}, &usageError{"the token is not in hex: check --token and " + tokenVariable}
		}
		a.secret = token
		return client.Token(raw), nil
	case password == "-":
		asked, err := terminal.AskPassword(p.Stdin, fmt.Sprintf("password of %d: ", a.customer))
		if errors.Is(err, terminal.ErrNotATerminal) {
			err = &usageError{"--password - needs a terminal; use " + passwordVariable + " instead"}
		}
		a.secret = asked
		return client.Password(asked), err
	case password != "":
		a.secret = password
		return client.Password(password), nil
	}
	if a.proven = a.encryption.cert != ""; a.proven {
		return client.Credential{}, nil
	}
	a.demo, a.secret = true, client.DemoPassword
	return client.Password(client.DemoPassword), nil
}

// login connects and logs in, for commands that show no pushes.
func (a *access) login(ctx context.Context, p *Program) (*client.Client, error) {
	addr, err := a.address()
	if err != nil {
		return nil, err
	}
	credential, err := a.credential(p)
	if err != nil {
		return nil, err
	}
	encrypted, err := a.encryption.config()
	if err != nil {
		return nil, err
	}
	c, err := terminal.Login(ctx, terminal.Options{
		Addr: addr, TLS: encrypted, Customer: client.Customer(a.customer), Credential: credential, Stderr: p.Stderr,
	})
	return c, a.advise(err)
}

// advise adds advice to the error of a login.
func (a *access) advise(err error) error {
	if a.demo && errors.Is(err, client.ErrUnauthenticated) {
		return fmt.Errorf("%w; if this server does not use the demo accounts, set --password or --token", err)
	}
	if a.proven && errors.Is(err, client.ErrUnauthenticated) {
		return fmt.Errorf("%w; the certificate in %s may belong to another customer: name that customer, or set --password or --token", err, a.encryption.cert)
	}
	return err
}
