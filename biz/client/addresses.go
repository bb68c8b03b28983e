package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/codec"
)

// ParseAddresses splits a list of addresses, which are separated by commas: those of the nodes of a
// cluster, where each node takes any client. One address is a list, too. Each must be one of
// CheckAddress, and none may be there twice; else the error is an *AddressError.
func ParseAddresses(list string) ([]string, error) {
	addrs := strings.Split(list, ",")
	for i, addr := range addrs {
		if err := CheckAddress(addr); err != nil {
			return nil, err
		}
		if slices.Contains(addrs[:i], addr) {
			return nil, &AddressError{addr, "it is there twice"}
		}
	}
	return addrs, nil
}

// TryAddresses calls try with the numbers of addrs in turn, beginning with first, and at once with the
// next one after an error. A number beyond the last one counts from the start again. It ends when try
// returns nil, or an error that the server would also return at another address, such as
// ErrUnauthenticated: that error is returned as it is. If all addresses have failed, or ctx has ended,
// the error is an *AddressesError, or with one address that of try.
func TryAddresses(ctx context.Context, addrs []string, first int, try func(n int) error) error {
	var all AddressesError
	for i := range addrs {
		n := (first + i) % len(addrs)
		err := try(n)
		if err == nil || len(addrs) == 1 || sameEverywhere(err) {
			return err
		}
		all.Addrs, all.Errs = append(all.Addrs, addrs[n]), append(all.Errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return &all
}

// sameEverywhere reports whether err is a refusal that does not depend on the node.
func sameEverywhere(err error) bool {
	var refused *Error
	if !errors.As(err, &refused) {
		return Denied(err)
	}
	switch refused.Result {
	case codec.ResultMalformed, codec.ResultUnknownCommand, codec.ResultUnauthenticated, codec.ResultForbidden, codec.ResultRejected:
		return true
	}
	return false
}

// AddressesError means that a client got in at none of several addresses.
type AddressesError struct {
	// Addrs are the addresses in the order in which they were tried, and Errs what went wrong there.
	Addrs []string
	Errs  []error
}

// Error returns all errors, each with its address.
func (e *AddressesError) Error() string {
	texts := make([]string, 0, len(e.Errs))
	for i, err := range e.Errs {
		text := err.Error()
		if !strings.Contains(text, e.Addrs[i]) {
			text = e.Addrs[i] + ": " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors.
func (e *AddressesError) Unwrap() []error { return e.Errs }

// explain returns what to do about each error, once.
func (e *AddressesError) explain() string {
	var texts []string
	for _, err := range e.Errs {
		if text := Explain(err); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// Enter is Dial and Login at the first address of the list addr that lets the customer in. It calls
// options before each attempt. The error of a login says so and has the customer's number.
func Enter(ctx context.Context, addr string, options func() Options, customer Customer, credential Credential) (c *Client, s Snapshot, err error) {
	addrs, err := ParseAddresses(addr)
	if err != nil {
		return nil, Snapshot{}, err
	}
	err = TryAddresses(ctx, addrs, 0, func(n int) (err error) {
		if c, err = connect(ctx, addrs, n, options().withDefaults(), NewView(), newOutcomes(), newRooms()); err != nil {
			return err
		}
		if s, err = c.Login(ctx, customer, credential); err != nil {
			c.shut(ErrClosed)
			return fmt.Errorf("log in as %d: %w", customer, err)
		}
		return nil
	})
	if err != nil {
		return nil, Snapshot{}, err
	}
	return c, s, nil
}
