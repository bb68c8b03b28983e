package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
)

// Environment variables with a credential, for those who keep it off the command
// line.
const (
	passwordVariable = config.EnvPrefix + "PASSWORD"
	tokenVariable    = config.EnvPrefix + "TOKEN"
)

// access says to which server a command connects, and as whom.
type access struct {
	addr     string
	customer uint32
	password string
	token    string
	again    *bool // set by --reconnect
}

// addReconnect adds the flag that says whether a lost connection is made again.
func (a *access) addReconnect(f *pflag.FlagSet) {
	f.BoolFunc("reconnect", "make a lost connection again (default: on a terminal)", func(text string) error {
		again, err := strconv.ParseBool(text)
		a.again = &again
		return err
	})
}

// reconnects says whether a lost connection is made again.
func (a *access) reconnects(interactive bool) bool {
	if a.again != nil {
		return *a.again
	}
	return interactive
}

// addAddr adds the flag for the server's address.
func (a *access) addAddr(f *pflag.FlagSet) {
	f.StringVar(&a.addr, "addr", config.Default().Listen, "server `host:port`")
}

// addCustomer adds the flags for who it is; name is that of the customer number.
func (a *access) addCustomer(f *pflag.FlagSet, name string, customer uint32, usage string) {
	f.Uint32Var(&a.customer, name, customer, usage)
	f.StringVar(&a.password, "password", "", "password (or "+passwordVariable+"); \"-\" asks for it")
	f.StringVar(&a.token, "token", "", "token in hex (or "+tokenVariable+")")
}

// credential gives what the flags or the environment say, and the published
// password of the shipped seed where they say nothing; it tells so on Stderr.
func (a *access) credential(p *Program) (client.Credential, error) {
	password, token := a.password, a.token
	if password == "" && token == "" {
		password, token = p.Getenv(passwordVariable), p.Getenv(tokenVariable)
	}
	switch {
	case token != "":
		raw, err := hex.DecodeString(token)
		if err != nil || len(raw) == 0 {
			return client.Credential{}, &usageError{"the token is not in hex"}
		}
		return client.Token(raw), nil
	case password == "-":
		return askPassword(p, a.customer)
	case password != "":
		return client.Password(password), nil
	}
	fmt.Fprintf(p.Stderr, "holdfast: using the demo password of the shipped accounts; see --password and --token\n")
	return client.Password(client.DemoPassword), nil
}

// askPassword reads a password from the terminal without showing it.
func askPassword(p *Program, customer uint32) (client.Credential, error) {
	file, ok := p.Stdin.(*os.File)
	if !ok || !isTerminal(file) {
		return client.Credential{}, &usageError{"--password - needs a terminal to ask at; use " + passwordVariable}
	}
	restore, err := rawTerminal(file)
	if err != nil {
		return client.Credential{}, err
	}
	defer restore()
	t := term.NewTerminal(struct {
		*os.File
	}{file}, "")
	text, err := t.ReadPassword(fmt.Sprintf("password of %d: ", customer))
	if err != nil {
		return client.Credential{}, errors.New("no password was given")
	}
	return client.Password(text), nil
}

// dial connects; an error says what to do.
func (a *access) dial(ctx context.Context, o client.Options) (*client.Client, error) {
	c, err := client.Dial(ctx, a.addr, o)
	return c, advised(err)
}

// login connects and logs in, for commands that only ask something.
func (a *access) login(ctx context.Context, p *Program) (*client.Client, error) {
	credential, err := a.credential(p)
	if err != nil {
		return nil, err
	}
	c, err := a.dial(ctx, client.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Login(ctx, client.Customer(a.customer), credential); err != nil {
		_ = c.Close() // always nil
		return nil, fmt.Errorf("log in as %d: %w", a.customer, advised(err))
	}
	return c, nil
}

// advised adds to an error of the client what to do about it.
func advised(err error) error {
	if advice := client.Explain(err); advice != "" {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}
