package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/client"
)

// Source is where the rows come from: a running server, or the data folder of a stopped one.
// Goroutine: one.
type Source interface {
	// Customers returns the numbers of all customers, sorted. A running server has them for
	// operators.
	Customers(ctx context.Context) ([]client.Customer, error)
	// Executions and Orders return the page of a query, Positions all rows.
	Executions(ctx context.Context, q client.HistoryQuery) (client.HistoryPage, error)
	Orders(ctx context.Context, q client.OrderQuery) (client.OrderPage, error)
	Positions(ctx context.Context, c client.Customer) ([]Position, error)
	// Audits returns a page of the commands of operators, newest first; more is true if there are
	// older ones. A running server has them for operators and viewers.
	Audits(ctx context.Context, q client.AuditQuery) (page []client.AuditEntry, more bool, err error)
	Close() error
}

// patience is how long a page may be refused because the server is busy or its history catches up.
const patience = time.Minute

// Server is a running server as a Source, with the login of a client. Close closes the client.
type Server struct {
	Client *client.Client
	// Waits is called with the reason before a request is sent again because the server is busy or
	// its history catches up.
	Waits func(why error)
}

// Customers implements Source.
func (s Server) Customers(ctx context.Context) (all []client.Customer, err error) {
	for request := (client.Customers{}); ; request.After = all[len(all)-1] {
		page, err := patiently(ctx, s.Waits, func() (client.Operated, error) { return s.Client.Operate(ctx, request) })
		if err != nil {
			return nil, err
		}
		for _, c := range page.Customers {
			if c.Customer <= request.After {
				return nil, fmt.Errorf("%w: customer %d is in the list after %d", client.ErrProtocol, c.Customer, request.After)
			}
			all = append(all, c.Customer)
		}
		if !page.More || len(page.Customers) == 0 {
			return all, nil
		}
	}
}

// Executions implements Source.
func (s Server) Executions(ctx context.Context, q client.HistoryQuery) (client.HistoryPage, error) {
	return patiently(ctx, s.Waits, func() (client.HistoryPage, error) { return s.Client.History(ctx, q) })
}

// Orders implements Source.
func (s Server) Orders(ctx context.Context, q client.OrderQuery) (client.OrderPage, error) {
	return patiently(ctx, s.Waits, func() (client.OrderPage, error) { return s.Client.OrderHistory(ctx, q) })
}

// Positions implements Source.
func (s Server) Positions(ctx context.Context, c client.Customer) ([]Position, error) {
	snapshot, err := patiently(ctx, s.Waits, func() (client.Snapshot, error) { return s.Client.PositionsOf(ctx, c) })
	if err != nil {
		return nil, err
	}
	list := make([]Position, 0, len(snapshot.Positions))
	for _, p := range snapshot.Positions {
		list = append(list, Position{c, p})
	}
	return list, nil
}

// Audits implements Source.
func (s Server) Audits(ctx context.Context, q client.AuditQuery) (page []client.AuditEntry, more bool, err error) {
	reply, err := patiently(ctx, s.Waits, func() (client.Operated, error) { return s.Client.Operate(ctx, q) })
	return reply.Entries, reply.More && len(reply.Entries) > 0, err
}

// Close implements Source.
func (s Server) Close() error { return s.Client.Close() }

// patiently asks again, with pauses, while the server is busy or its history catches up. It calls
// waits before each pause.
func patiently[T any](ctx context.Context, waits func(why error), ask func() (T, error)) (reply T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var pauses client.Backoff
	for {
		reply, err = ask()
		if err == nil || !client.Busy(err) && !errors.Is(err, client.ErrUnavailable) {
			return reply, err
		}
		waits(err)
		select {
		case <-time.After(pauses.Next()):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return reply, err
			}
			return reply, ctx.Err()
		}
	}
}
