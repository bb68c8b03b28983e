package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast/perf/table"
)

// clients is the number of clients.
const clients = 10

// Run plays the scenario once. The error is ErrCustomers or the error of ctx; in the second
// case the report still has all steps. A failed step is not an error: see Report.Failed.
func Run(ctx context.Context, o Options) (*Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return &Report{}, err
	}
	start := time.Now()
	st := &stage{options: o}
	actors := make([]*actor, clients)
	var work sync.WaitGroup
	for i, script := range scripts() {
		actors[i] = newActor(st, o.Customers[i], script.name)
		work.Go(func() { actors[i].play(ctx, script) })
	}
	work.Wait()
	report := &Report{Addr: o.Addr, Start: start, Took: time.Since(start)}
	for _, a := range actors {
		report.Steps = append(report.Steps, a.steps...)
	}
	return report, ctx.Err()
}

// Loop plays the scenario repeatedly, with a pause in between, until ctx ends, and then
// returns nil. It calls onRound, if not nil, with each complete report. A failed round does
// not end the loop. An error of onRound does, and Loop returns it.
func Loop(ctx context.Context, o Options, pause time.Duration, onRound func(*Report) error) error {
	for {
		report, err := Run(ctx, o)
		if over(ctx) {
			break
		}
		if err == nil && onRound != nil {
			err = onRound(report)
		}
		if err != nil {
			return err
		}
		if wait(ctx, pause) != nil {
			break
		}
	}
	return nil //nolint:nilerr // the end of ctx is the regular end
}

// over reports whether ctx has ended. A connect may fail at the deadline of ctx shortly
// before ctx itself ends.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(deadline)
}

// wait waits for d, or returns the error of ctx.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stage is what all actors of a run share.
type stage struct {
	options Options
	mu      sync.Mutex
}

// say passes a line to OnEvent.
func (st *stage) say(line string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.options.OnEvent(table.Escape(line))
}

// log writes a step to Log.
func (st *stage) log(s Step) {
	st.mu.Lock()
	defer st.mu.Unlock()
	fmt.Fprintln(st.options.Log, s.String())
}

// script is what one client does.
type script struct {
	name string
	play func(*actor)
}

// scripts returns the scripts in the order of Options.Customers.
func scripts() []script {
	return []script{
		{"worked example", playWorkedExample},
		{"none to some", playNoneToSome},
		{"some to none", playSomeToNone},
		{"more rows", playMoreRows},
		{"fewer rows", playFewerRows},
		{"same rows, more shares", playMoreShares},
		{"same rows, fewer shares", playFewerShares},
		{"bust", playBust},
		{"two sessions", playTwoSessions},
		{"refusals and history", playRefusals},
	}
}
