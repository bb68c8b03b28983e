package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/biz/client"
)

// actor is one simulated client that plays a script. After a step with an error, the rest
// of its steps are reported as skipped.
//
// Goroutine: the caller of play. The inboxes of its sessions are safe from any.
type actor struct {
	stage    *stage
	customer client.Customer
	name     string // of the case
	steps    []Step

	ctx      context.Context
	broken   bool
	main     *session
	sessions []*session // all sessions to close
	market   []client.Instrument
	cash     client.Money
}

// session is one connection of an actor.
type session struct {
	*client.Client
	in *inbox
}

func newActor(st *stage, customer client.Customer, name string) *actor {
	return &actor{stage: st, customer: customer, name: name}
}

// play runs a script, from the connect to the close.
func (a *actor) play(ctx context.Context, s script) {
	a.ctx = ctx
	defer a.close()
	a.step("connect and log in", fmt.Sprintf("account %d", a.customer), a.enter)
	s.play(a)
	const consecutive = "no push is missing or repeated"
	a.step("pushes have consecutive numbers", consecutive, func() (string, error) {
		breaks := 0
		for _, s := range a.sessions {
			breaks += s.in.broken()
		}
		if breaks > 0 {
			return fmt.Sprintf("%d pushes are missing or repeated", breaks), nil
		}
		return consecutive, nil
	})
}

func (a *actor) close() {
	for _, s := range a.sessions {
		_ = s.Close() // always nil
	}
}

// step executes a step. It is OK if do returns the expected text.
func (a *actor) step(name, expected string, do func() (got string, err error)) {
	s := Step{Client: a.customer, Case: a.name, Step: name, Expected: expected, Got: "skipped"}
	if !a.broken {
		start := time.Now()
		got, err := do()
		s.Took, s.Got = time.Since(start), got
		if err != nil {
			s.Got, a.broken = explained(err), true
		}
		s.OK = err == nil && got == expected
	}
	a.steps = append(a.steps, s)
	if !errors.Is(a.ctx.Err(), context.Canceled) {
		a.stage.log(s)
	}
}

// explained returns the text of an error and what to do about it.
func explained(err error) string {
	if advice := client.Explain(err); advice != "" {
		return fmt.Sprintf("%v: %s", err, advice)
	}
	return err.Error()
}

// enter opens the main session and reads the instruments.
func (a *actor) enter() (string, error) {
	s, snapshot, err := a.connect(a.customer, a.narrate())
	if err != nil {
		return "", err
	}
	a.main, a.cash = s, snapshot.Account.Cash
	all, err := s.Quotes(a.ctx, nil, false)
	if err != nil {
		return "", err
	}
	if a.market, err = affordable(all, a.cash+snapshot.MarketValue); err != nil {
		return "", err
	}
	return fmt.Sprintf("account %d", snapshot.Account.Customer), nil
}

// connect opens a session and logs it in; onPush may be nil. It tries again while the server
// is busy.
func (a *actor) connect(customer client.Customer, onPush func(client.Push)) (s *session, snapshot client.Snapshot, err error) {
	err = client.Retry(a.ctx, func() (err error) {
		if s, err = a.dial(onPush); err != nil {
			return err
		}
		if snapshot, err = s.Login(a.ctx, customer, a.stage.options.Credential(customer)); err != nil {
			_ = s.Close() // always nil
		}
		return err
	})
	return s, snapshot, err
}

// dial opens a session, which is closed at the end of the script.
func (a *actor) dial(onPush func(client.Push)) (*session, error) {
	s := &session{in: newInbox()}
	var err error
	s.Client, err = client.Dial(a.ctx, a.stage.options.Addr, client.Options{
		Timeout: a.stage.options.Timeout, LoginTimeout: max(a.stage.options.Timeout, client.DefaultLoginTimeout),
		OnPush: func(p client.Push) {
			s.in.add(p)
			if onPush != nil {
				onPush(p)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	a.sessions = append(a.sessions, s)
	return s, nil
}

// affordable returns the first three instruments, by market and code, of which the money
// can buy 1,000 shares each.
func affordable(all []client.Instrument, money client.Money) ([]client.Instrument, error) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y client.Instrument) int { return x.Key.Compare(y.Key) })
	out := slices.DeleteFunc(all, func(i client.Instrument) bool {
		return i.LastPrice <= 0 || client.Value(max(1000, 10*i.LotSize), i.LastPrice) > money/3
	})
	if len(out) < 3 {
		return nil, fmt.Errorf("%w: only %d of %d are affordable", ErrInstruments, len(out), len(all))
	}
	return out[:3], nil
}

// key returns the key of the nth of the actor's three instruments, or "?/?" if the actor
// has no instruments.
func (a *actor) key(n int) client.Key {
	if n >= len(a.market) {
		return client.Key{Market: "?", Code: "?"}
	}
	return a.market[n].Key
}

// lots returns q, rounded up to full lots of the actor's instruments.
func (a *actor) lots(q client.Quantity) client.Quantity {
	for _, i := range a.market {
		if lot := max(i.LotSize, 1); q%lot != 0 {
			q += lot - q%lot
		}
	}
	return q
}
