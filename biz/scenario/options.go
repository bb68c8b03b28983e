package scenario

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"slices"
	"time"

	"holdfast/biz/client"
)

// Defaults of Options.
const (
	DefaultTimeout = 10 * time.Second
	// DefaultOperator is the operator of the shipped seed files.
	DefaultOperator client.Customer = 900001
	// DefaultFirstCustomer is the first customer of the shipped seed files.
	DefaultFirstCustomer client.Customer = 100001
	// DefaultParallel is how many separate servers run at a time.
	DefaultParallel = 4
)

// Options are the settings of a run.
type Options struct {
	// Addr is the address of the packet listener: "HOST:PORT" or "unix:PATH", for the scenarios
	// that any server can run; "" omits them.
	Addr string
	// TLS is how to speak TLS with that server; nil means not to.
	TLS *tls.Config
	// First is the first of their customers, which have consecutive numbers: Needs says how
	// many. 0 means DefaultFirstCustomer.
	First client.Customer
	// Operator is the customer who busts and commands; 0 means DefaultOperator.
	Operator client.Customer
	// Credential returns the credential of a customer; nil means client.DemoToken.
	Credential func(client.Customer) client.Credential
	// Start starts a server for one scenario: its accounts have the numbers and the published
	// tokens (client.DemoToken), and so has DefaultOperator. nil omits such scenarios.
	Start func(context.Context, *Server) (Running, error)
	// Instruments returns the instruments of such a server; nil omits their check.
	Instruments func(*Server) ([]client.Key, error)
	// Parallel is how many such servers run at a time; 0 means DefaultParallel.
	Parallel int
	// Timeout limits each step and the wait for a push; 0 means DefaultTimeout.
	Timeout time.Duration
	// Repricing is how long to wait until the price of a position moves; 0 omits this
	// step, for servers whose prices never move.
	Repricing time.Duration
	// Pace is a pause before each order, so that people can follow.
	Pace time.Duration
	// Log receives a line at the end of each step; nil means no lines.
	Log io.Writer
	// OnEvent receives a line for each trade and each bust as a client sees it; nil means
	// no lines. Only one goroutine calls it at a time.
	OnEvent func(line string)
}

// Running is a server of a scenario.
type Running struct {
	Addr string
	Stop func() error
}

func (o Options) withDefaults() Options {
	if o.Operator == 0 {
		o.Operator = DefaultOperator
	}
	if o.First == 0 {
		o.First = DefaultFirstCustomer
	}
	if o.Credential == nil {
		o.Credential = client.DemoToken
	}
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.OnEvent == nil {
		o.OnEvent = func(string) {}
	}
	return o
}

// assign returns the customers of each scenario's clients.
func (o *Options) assign(scenarios []*Scenario) (all []map[string]client.Customer) {
	next := o.First
	for _, s := range scenarios {
		if s.Server != nil {
			own := DefaultFirstCustomer
			all = append(all, s.assign(&own))
			continue
		}
		all = append(all, s.assign(&next))
	}
	return all
}

// assign returns the customers of the clients: those that have no number get the next ones.
func (s *Scenario) assign(next *client.Customer) map[string]client.Customer {
	numbers := make(map[string]client.Customer)
	for _, c := range s.clients {
		switch {
		case c.extra():
		case c.number != 0:
			numbers[c.name] = c.number
		default:
			for slices.ContainsFunc(s.clients, func(other clientName) bool { return other.number == *next }) {
				*next++
			}
			numbers[c.name] = *next
			*next++
		}
	}
	return numbers
}

// unique returns ErrName if two scenarios have the same name.
func unique(scenarios []*Scenario) error {
	files := make(map[string]string)
	for _, s := range scenarios {
		if other, found := files[s.Name]; found {
			return fmt.Errorf("%w: %q, in %s and %s", ErrName, s.Name, other, s.File)
		}
		files[s.Name] = s.File
	}
	return nil
}
