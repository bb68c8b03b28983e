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

	"holdfast/perf/process"
)

func fsyncFault() Fault {
	return Fault{
		Name: "fsync", ID: "D3", Short: "the Nth fsync fails with EIO",
		How:     "the Nth fsync of a thread fails with EIO, alone or with all later ones, for N up to the rounds",
		Promise: "orders that the fsync covers are not acknowledged, the process ends with an error and a reason, and a restart has all acknowledged orders",
		Needs:   []string{"strace"},
		Long:    Size{Rounds: 200, Size: 200}, Gate: Size{Rounds: 3, Size: 150},
		RoundsHelp: "values of N",
		SizeHelp:   "largest N",
		Run:        runFsync,
	}
}

// Times and limits of each case of fsync.
const (
	fsyncTraders = 4
	fsyncTrading = 10 * time.Second // the fault must happen within it
	fsyncEnd     = 10 * time.Second // from the fault to the end of the process
	fsyncLonger  = time.Second      // how long traders continue after the fault
	fsyncAtOnce  = 2                // cases at a time
)

// fsyncCase is one server with one fault.
type fsyncCase struct {
	*Run
	name    string // for texts
	when    string // for strace
	folder  string
	traders []*trader
	order   *orderOfCalls
	toEnd   time.Duration // from the fault to the end, at most fsyncLonger
}

// fsyncCounts counts the results of the cases.
type fsyncCounts struct {
	inStart, serving, other, acked atomic.Int64
	mu                             sync.Mutex
	slowest                        time.Duration // from the fault to the end
}

// runFsync tries r.Rounds values of N, each once alone and once sticky.
func runFsync(ctx context.Context, r *Run) error {
	cases := make(chan *fsyncCase)
	var counts fsyncCounts
	var problems []error
	var mu sync.Mutex
	var work sync.WaitGroup
	for range fsyncAtOnce {
		work.Go(func() {
			for c := range cases {
				err := catch(func() { c.run(ctx, &counts) })
				if err = errors.Join(err, os.RemoveAll(c.folder)); err != nil {
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
	r.Figure("servers that failed while starting", counts.inStart.Load(), "")
	r.Figure("servers that failed under load", counts.serving.Load(), "")
	r.Figure("servers in which no fsync of the journal failed", counts.other.Load(), "")
	r.Figure("orders acknowledged", counts.acked.Load(), "")
	r.Figure("longest time from the fault to the end", counts.slowest, "")
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

func (c *fsyncCase) run(ctx context.Context, counts *fsyncCounts) {
	data := filepath.Join(c.folder, "data")
	check(os.MkdirAll(data, 0o755))
	flags := []string{"-e", "inject=fsync,fdatasync:error=EIO:when=" + c.when}
	c.order.trace(ctx, ServerOptions{Data: data}, c.folder, flags, func(s *Server, err error) {
		if s != nil && errors.Is(err, ErrNotStarted) && ctx.Err() == nil {
			counts.inStart.Add(1)
			c.ended(ctx, s, "", counts)
			return
		}
		check(err)
		c.underLoad(ctx, s, counts)
	})
	s := c.startAgain(ctx, c.name+": no start afterwards", ServerOptions{Data: data})
	if s == nil {
		return
	}
	defer s.Kill()
	if len(c.traders[0].ledger.keys) == 0 {
		return // no trade happened
	}
	check(resendAll(ctx, s.Addr, c.traders))
	counts.acked.Add(int64(countAll(c.traders).acked))
	verifyAll(ctx, s.Addr, c.traders, true)
}

// underLoad trades until the fault happens, and checks the end of the process.
func (c *fsyncCase) underLoad(ctx context.Context, s *Server, counts *fsyncCounts) {
	c.trade(ctx, s)
	select {
	case <-c.order.failed:
		counts.serving.Add(1)
		c.ended(ctx, s, notDurable, counts)
	default:
		counts.other.Add(1)
	}
}

// trade runs the traders until the fault has happened, or for fsyncTrading.
func (c *fsyncCase) trade(ctx context.Context, s *Server) {
	trading, cancel := context.WithTimeout(ctx, fsyncTrading)
	var watch sync.WaitGroup
	defer func() { cancel(); watch.Wait() }()
	watch.Go(func() {
		defer cancel()
		select {
		case <-c.order.failed: // trade a little longer: no order may succeed
			start := time.Now()
			_, _ = s.WaitFor(ctx, fsyncLonger)
			c.toEnd = time.Since(start)
		case <-s.Ended():
		case <-trading.Done():
		}
	})
	if catch(func() { rememberAll(trading, s.Addr, c.traders) }) == nil {
		tradeAll(trading, s.Addr, c.traders)
	} else { // the fault happened before any order
		for _, t := range c.traders {
			t.ledger.keys = nil
		}
	}
	check(ctx.Err())
}

// ended checks that the process ends with an error code, and a reason that starts with
// reason.
func (c *fsyncCase) ended(ctx context.Context, s *Server, reason string, counts *fsyncCounts) {
	start := time.Now()
	code, err := s.WaitFor(ctx, fsyncEnd)
	if errors.Is(err, process.ErrStillRunning) && ctx.Err() == nil {
		c.Broken("%s: the process keeps running: %s", c.name, s.LastWords())
		return
	}
	check(err)
	if c.toEnd > 0 { // else it ended while starting
		counts.mu.Lock()
		counts.slowest = max(counts.slowest, c.toEnd+time.Since(start))
		counts.mu.Unlock()
	}
	if code <= 0 {
		c.Broken("%s: exit code %d: %s", c.name, code, s.LastWords())
	}
	if said := s.Reason(); said == "" || !strings.HasPrefix(said, reason) {
		c.Broken("%s: no reason on stderr: %s", c.name, s.LastWords())
	}
}
