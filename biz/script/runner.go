package script

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// Sessions is where the clients of customers are connected.
type Sessions interface {
	// Disconnect cuts the sessions of a customer: at once, or once the push with this number
	// was sent.
	Disconnect(c ledger.Customer, afterPush uint64) int
	// Hold holds the pushes to a customer for a time.
	Hold(c ledger.Customer, d time.Duration) int
	// RejectNext makes the next orders of a customer's clients be refused.
	RejectNext(c ledger.Customer, n uint32, reason ledger.Refusal)
	// SpoilFIX makes the FIX sessions of a customer misbehave, and returns how many.
	SpoilFIX(f *pb.FixFaultCommand) int
}

// Runner executes the events of a script. Its methods may be called by any goroutine.
type Runner struct {
	script   *Script
	desk     *desk.Desk
	turn     *desk.Turn
	sessions Sessions
	log      *slog.Logger

	position desk.ScriptPosition // after the event that is being executed
	recorded bool                // the journal has it

	executed, refused atomic.Int64
}

// Options are where a script runs.
type Options struct {
	// Desk has started.
	Desk     *desk.Desk
	Sessions Sessions
	// At calls do at a time (Unix nanoseconds), always in the same goroutine and in the order
	// of the times: simulation.Driver.At.
	At func(at int64, do func())
	// Done is how many events an earlier run has executed: see Place.
	Done int
	// Mine says whose events are executed; customer 0 means the market's. The others are passed
	// over. nil: all are.
	Mine func(ledger.Customer) bool
	Log  *slog.Logger
}

// Run arranges that the events are executed when they are due. What waits for the disk then
// ends with ctx.
func (s *Script) Run(ctx context.Context, o Options) *Runner {
	r := &Runner{script: s, desk: o.Desk, turn: o.Desk.NewTurn(), sessions: o.Sessions, log: o.Log}
	if o.Done == 0 {
		o.Desk.RecordScript(desk.ScriptPosition{Script: s.hash, Time: s.Start.UnixNano()})
	}
	for n := o.Done; n < len(s.Events); n++ {
		if o.Mine != nil && !o.Mine(s.Events[n].customer) {
			continue
		}
		o.At(s.Events[n].At.UnixNano(), func() { r.execute(ctx, n) })
	}
	if n := len(s.Events); n > o.Done {
		o.At(s.Events[n-1].At.UnixNano(), func() {
			r.log.Info("the script has ended", "script", s.Name, "executed", r.Executed(), "refused", r.Refused())
		})
	}
	return r
}

// Executed returns how many events were executed, Refused how many were refused.
func (r *Runner) Executed() int { return int(r.executed.Load()) }

// Refused returns how many events were refused.
func (r *Runner) Refused() int { return int(r.refused.Load()) }

// execute executes an event once: the journal has the position after it in one batch with what it
// causes.
func (r *Runner) execute(ctx context.Context, n int) {
	e := &r.script.Events[n]
	r.position = desk.ScriptPosition{Script: r.script.hash, Done: n + 1, Time: e.At.UnixNano()}
	r.recorded = false
	err := persist(ctx, func() error { return commands[e.Do].do(r, ctx, e) })
	if !r.recorded && ctx.Err() == nil {
		r.desk.RecordScript(r.position)
	}
	place := fmt.Sprintf("%s:%d", r.script.Name, e.Line)
	switch {
	case err == nil:
		r.executed.Add(1)
		r.log.Info("script", "at", place, "time", e.At.Format(time.RFC3339), "do", e.Do, "of", e.About())
	case ctx.Err() != nil:
	default:
		r.refused.Add(1)
		r.log.Warn("a command of the script was refused; the script goes on",
			"at", place, "time", e.At.Format(time.RFC3339), "do", e.Do, "of", e.About(), "error", err)
	}
}

// overloadPause is how long the script waits while too much waits for the disk or for the
// history, or the disk is nearly full.
const overloadPause = 5 * time.Millisecond

// persist calls do until it is not refused because the server is too busy.
func persist(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, desk.ErrOverloaded) && !errors.Is(err, desk.ErrCatchingUp) && !errors.Is(err, desk.ErrDiskLow) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(overloadPause):
		}
	}
}

func (r *Runner) account(e *Event) (*desk.Account, error) {
	if a := r.desk.Account(e.customer); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("%w %d", ledger.ErrUnknownCustomer, e.customer) // a reload has removed it
}

// instrument returns the number of the event's instrument. The seed file has it.
func (r *Runner) instrument(e *Event) (ledger.InstrumentID, error) {
	id, found := r.desk.Market().Find(e.instrument.Market, e.instrument.Code)
	if !found {
		return 0, ledger.ErrUnknownInstrument
	}
	return id, nil
}

// inTurn calls do in a turn of the event's account.
func (r *Runner) inTurn(ctx context.Context, e *Event, do func(*desk.Turn) error) error {
	a, err := r.account(e)
	if err != nil {
		return err
	}
	var refused error
	err = r.desk.InTurn(ctx, a, r.turn, func(t *desk.Turn) { refused = r.record(t, do(t)) })
	return errors.Join(err, refused)
}

// record adds the position to a turn, unless its command was refused with err, and returns err.
func (r *Runner) record(t *desk.Turn, err error) error {
	if err == nil {
		t.RecordScript(r.position)
		r.recorded = true
	}
	return err
}

// withPast calls do in a turn of the event's account, with the past of its execution.
func (r *Runner) withPast(ctx context.Context, e *Event, do func(*desk.Turn, ledger.ExecutionID, ledger.Past) error) error {
	a, err := r.account(e)
	if err != nil {
		return err
	}
	id := ledger.NewExecutionID(e.customer, e.execution)
	if e.execution == 0 {
		if id, err = r.newestExecution(ctx, a, e); err != nil {
			return err
		}
	}
	var refused error
	err = r.desk.WithPast(ctx, a, r.turn, []ledger.ExecutionID{id}, func(t *desk.Turn, past ledger.Past) {
		refused = r.record(t, do(t, id, past))
	})
	return errors.Join(err, refused)
}

// newestExecution returns the newest execution of the event's instrument that is not busted.
func (r *Runner) newestExecution(ctx context.Context, a *desk.Account, e *Event) (ledger.ExecutionID, error) {
	instrument, err := r.instrument(e)
	if err != nil {
		return 0, err
	}
	q := desk.Query{State: desk.Standing, Limit: 1, Filter: desk.Filter{ByInstrument: true, Instrument: instrument}}
	for more := true; more; more = q.Before != 0 {
		var page []ledger.Execution
		if page, q.Before, err = r.desk.Executions(ctx, a, q); err != nil {
			return 0, err
		}
		if len(page) > 0 {
			return page[0].ID, nil
		}
	}
	return 0, fmt.Errorf("%w: %d has no execution of %s that is not busted", ledger.ErrUnknownExecution, e.customer, e.instrument)
}

// orderOf returns the id of the event's order.
func orderOf(l *ledger.Account, e *Event) ledger.OrderID {
	if e.order != 0 {
		return ledger.NewOrderID(e.customer, e.order)
	}
	if o := l.OrderNamed(&e.clientOrderID); o != nil {
		return o.ID
	}
	if first, found := l.FindNamed(&e.clientOrderID); found {
		if events := l.Command(nil, first.Event); first.Event != 0 && len(events) > 0 {
			return events[0].Order.ID
		}
	}
	return 0
}
