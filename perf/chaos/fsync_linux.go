package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

func fsyncFault() Fault {
	return Fault{
		Name: "fsync", ID: "D3", Short: "the Nth fsync fails with EIO",
		How:     "the Nth fsync of a thread fails with EIO, once or from there on, for N up to the size",
		Promise: "no OK for what it covers, the process ends with an error and a reason, a restart has all that was acknowledged",
		Needs:   []string{"strace"},
		Long:    Size{Rounds: 200, Size: 200}, Gate: Size{Rounds: 3, Size: 150},
		Run: runFsync,
	}
}

// Of each case of fsync.
const (
	fsyncTraders = 4
	fsyncTrading = 10 * time.Second // until the fault has to be reached
	fsyncEnd     = 10 * time.Second // from the fault to the end of the process
	fsyncLonger  = time.Second      // that traders go on behind it
	fsyncAtOnce  = 2                // cases
)

// fsyncCase is one server.
type fsyncCase struct {
	*Run
	name    string // for texts
	when    string // for strace
	folder  string
	traders []*trader
	order   *orderOfCalls
	toEnd   time.Duration // from the fault to the end, at most fsyncLonger
}

// fsyncCounts is what the cases have shown.
type fsyncCounts struct {
	inStart, serving, other, acked atomic.Int64
	mu                             sync.Mutex
	slowest                        time.Duration // from the fault to the end
}

// runFsync tries r.Rounds values of N, each once and sticky.
func runFsync(ctx context.Context, r *Run) error {
	cases := make(chan *fsyncCase)
	var counts fsyncCounts
	var problems []error
	var mu sync.Mutex
	var work sync.WaitGroup
	for range fsyncAtOnce {
		work.Go(func() {
			for c := range cases {
				if err := c.run(ctx, &counts); err != nil {
					mu.Lock()
					problems = append(problems, fmt.Errorf("%s: %w", c.name, err))
					mu.Unlock()
				}
			}
		})
	}
	for i := range r.Rounds {
		n := 1 + i*r.Size/r.Rounds
		for _, when := range []string{fmt.Sprint(n), fmt.Sprintf("%d+", n)} {
			if ctx.Err() == nil {
				cases <- r.newFsyncCase(when)
			}
		}
		r.Progress(i+1, r.Rounds, "values of N")
	}
	close(cases)
	work.Wait()
	r.Figure("failed while starting", counts.inStart.Load(), "")
	r.Figure("failed under load", counts.serving.Load(), "")
	r.Figure("no fsync of the journal failed", counts.other.Load(), "")
	r.Figure("orders acknowledged", counts.acked.Load(), "")
	r.Figure("longest from the fault to the end", counts.slowest, "")
	if len(problems) == 0 && counts.serving.Load() == 0 {
		problems = append(problems, ErrTooLittle)
	}
	return errors.Join(append(problems, ctx.Err())...)
}

func (r *Run) newFsyncCase(when string) *fsyncCase {
	return &fsyncCase{
		Run: r, name: "fsync " + when, when: when, folder: filepath.Join(r.Scratch, "fsync-"+when),
		traders: r.newTraders(fsyncTraders), order: newOrderOfCalls(r),
	}
}

func (c *fsyncCase) run(ctx context.Context, counts *fsyncCounts) (err error) {
	data := filepath.Join(c.folder, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.folder)) }()
	if err := c.fault(ctx, data, counts); err != nil {
		return err
	}
	s, err := c.Start(ctx, ServerOptions{Data: data})
	if errors.Is(err, ErrNotStarted) && ctx.Err() == nil {
		c.Broken("%s: no start afterwards: %s", c.name, s.LastWords())
		return nil
	}
	if err != nil {
		return err
	}
	defer s.Kill()
	if len(c.traders[0].ledger.keys) == 0 {
		return nil // nobody has traded
	}
	if err := settleAll(ctx, s.Addr, c.traders); err != nil {
		return err
	}
	counts.acked.Add(int64(countAll(c.traders).acked))
	return verifyAll(ctx, s.Addr, c.traders, true)
}

// fault runs a server whose fsync fails, to its end.
func (c *fsyncCase) fault(ctx context.Context, data string, counts *fsyncCounts) error {
	pipe := filepath.Join(c.folder, "trace")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		return err
	}
	traced := make(chan error, 1)
	go func() { traced <- c.order.read(pipe) }()
	inject := "inject=fsync,fdatasync:error=EIO:when=" + c.when
	s, err := c.Start(ctx, ServerOptions{Data: data, Prefix: traceFlags(pipe, "-e", inject)})
	if s == nil {
		unblock(pipe)
		return errors.Join(err, <-traced)
	}
	switch {
	case errors.Is(err, ErrNotStarted) && ctx.Err() == nil:
		counts.inStart.Add(1)
		err = c.ended(ctx, s, "", counts)
	case err == nil:
		err = c.underLoad(ctx, s, counts)
	}
	err = errors.Join(err, s.end())
	unblock(pipe) // strace may not have come to it
	return errors.Join(err, <-traced)
}

// underLoad lets customers trade until the fault comes, and looks at the end.
func (c *fsyncCase) underLoad(ctx context.Context, s *Server, counts *fsyncCounts) error {
	if err := c.trade(ctx, s); err != nil {
		return err
	}
	select {
	case <-c.order.failed:
		counts.serving.Add(1)
		return c.ended(ctx, s, notDurable, counts)
	default:
		counts.other.Add(1)
		return nil
	}
}

// trade lets customers trade until the fault has come, or for fsyncTrading.
func (c *fsyncCase) trade(ctx context.Context, s *Server) error {
	trading, cancel := context.WithTimeout(ctx, fsyncTrading)
	defer cancel()
	watched := make(chan struct{})
	defer func() { cancel(); <-watched }()
	go func() {
		defer close(watched)
		defer cancel()
		select {
		case <-c.order.failed: // a little longer: nothing may come of it
			begin := time.Now()
			_, _ = s.WaitFor(ctx, fsyncLonger)
			c.toEnd = time.Since(begin)
		case <-s.Ended():
		case <-trading.Done():
		}
	}()
	if err := rememberAll(trading, s.Addr, c.traders); err != nil {
		for _, t := range c.traders {
			t.ledger.keys = nil
		}
		return ctx.Err() // it fails that early
	}
	tradeAll(trading, s.Addr, c.traders)
	return ctx.Err()
}

// ended checks how the process ends: with a code, and a reason that begins so.
func (c *fsyncCase) ended(ctx context.Context, s *Server, reason string, counts *fsyncCounts) error {
	begin := time.Now()
	code, err := s.WaitFor(ctx, fsyncEnd)
	if errors.Is(err, ErrStillRunning) && ctx.Err() == nil {
		c.Broken("%s: the process goes on: %s", c.name, s.LastWords())
		return nil
	}
	if err != nil {
		return err
	}
	if c.toEnd > 0 { // else it ended while starting
		counts.mu.Lock()
		counts.slowest = max(counts.slowest, c.toEnd+time.Since(begin))
		counts.mu.Unlock()
	}
	if code <= 0 {
		c.Broken("%s: exit code %d: %s", c.name, code, s.LastWords())
	}
	if said := s.Reason(); said == "" || !strings.HasPrefix(said, reason) {
		c.Broken("%s: no reason on stderr: %s", c.name, s.LastWords())
	}
	return nil
}
