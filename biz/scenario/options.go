package scenario

import (
	"fmt"
	"io"
	"slices"
	"time"

	"holdfast/biz/client"
)

// Defaults of Options.
const (
	DefaultTimeout = 10 * time.Second
	// DefaultOperator is the operator of the shipped seed file.
	DefaultOperator client.Customer = 900001
	// DefaultFirstCustomer is the first of the ten default customers.
	DefaultFirstCustomer client.Customer = 100001
)

// Options are the settings of a run. Only Addr is required.
type Options struct {
	// Addr is the address of the packet listener: "HOST:PORT" or "unix:PATH".
	Addr string
	// Customers are the ten customers; nil means ten from DefaultFirstCustomer on.
	Customers []client.Customer
	// Operator is the customer who busts; 0 means DefaultOperator.
	Operator client.Customer
	// Credential returns the credential of a customer; nil means client.DemoToken.
	Credential func(client.Customer) client.Credential
	// Timeout limits each request and the wait for a push; 0 means DefaultTimeout.
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

func (o Options) withDefaults() (Options, error) {
	if o.Customers == nil {
		for i := range clients {
			o.Customers = append(o.Customers, DefaultFirstCustomer+client.Customer(i))
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(o.Customers)))
	if len(o.Customers) != clients || len(distinct) != clients {
		return o, fmt.Errorf("%w, got %v", ErrCustomers, o.Customers)
	}
	if o.Operator == 0 {
		o.Operator = DefaultOperator
	}
	if o.Credential == nil {
		o.Credential = client.DemoToken
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
	return o, nil
}
