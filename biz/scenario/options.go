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
	// DefaultFirstCustomer is the first of the ten.
	DefaultFirstCustomer client.Customer = 100001
)

// Options are the settings of a run; of the zero value only Addr is missing.
type Options struct {
	// Addr of the packet listener, "host:port".
	Addr string
	// Customers are ten accounts to use; nil means those from
	// DefaultFirstCustomer on.
	Customers []client.Customer
	// Operator is who busts; 0 means DefaultOperator.
	Operator client.Customer
	// Credential of each of them; nil means client.DemoToken.
	Credential func(client.Customer) client.Credential
	// Timeout bounds each request, and how long a push may take; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// Repricing is how long to wait for the price of a held instrument to move;
	// 0 leaves that step out, for servers whose prices stand still.
	Repricing time.Duration
	// Pace is a pause before each order, so that people can follow.
	Pace time.Duration
	// Log gets a line per step as it ends; nil means none.
	Log io.Writer
	// OnEvent gets a line for each trade and each bust as a client sees it; nil
	// means none. It is called by one goroutine at a time.
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
