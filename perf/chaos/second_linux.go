package chaos

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"holdfast/biz/journal"
)

func secondFault() Fault {
	return Fault{
		Name: "second", ID: "D6", Short: "a second process on the data folder of a server under load",
		Promise: "the second process refuses to start and names the folder; the first one continues, and the folder is undamaged",
		Long:    Size{Rounds: 20, Size: 2}, Gate: Size{Rounds: 1, Size: 2},
		RoundsHelp: "rounds",
		SizeHelp:   "processes that try to use the folder",
		Run:        runSecond,
	}
}

// runSecond does r.Rounds rounds with r.Size processes that start too late.
func runSecond(ctx context.Context, r *Run) error {
	traders := r.newTraders(4)
	first := must(r.Start(ctx, ServerOptions{}))
	rememberAll(ctx, first.Addr, traders)
	refused := 0
	r.rounds(ctx, func(int) {
		trading, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		work.Go(func() { tradeAll(trading, first.Addr, traders) })
		for range r.Size {
			refused += r.startSecond(ctx, first.Data)
		}
		cancel()
		work.Wait()
	})
	if err := resendAll(ctx, first.Addr, traders); err != nil {
		check(ctx.Err()) // interrupted
		r.Broken("the first process does not continue: %v; %s", err, first.LastWords())
		return nil
	}
	r.Figure("processes that refused to start", refused, "")
	r.Figure("orders acknowledged by the first server", countAll(traders).acked, "")
	if countAll(traders).acked == 0 {
		return ErrTooLittle
	}
	verifyAll(ctx, first.Addr, traders, true)
	first.Kill()
	if third := r.startAgain(ctx, "no start afterwards", ServerOptions{Data: first.Data}); third != nil {
		verifyAll(ctx, third.Addr, traders, true)
	}
	return nil
}

// startSecond tries to start a second server on the folder. It returns 1 if that one
// refuses properly, else 0.
func (r *Run) startSecond(ctx context.Context, folder string) (refused int) {
	s, err := r.Start(ctx, ServerOptions{Data: folder})
	if err == nil {
		r.Broken("a second process serves the same folder")
		s.Kill()
		return 0
	}
	if !errors.Is(err, ErrNotStarted) || s == nil || ctx.Err() != nil {
		return 0 // interrupted
	}
	code, err := s.WaitFor(ctx, 10*time.Second)
	refusal := journal.ErrLocked.Error() + ": " + folder // not, for example, a report of damage
	if err != nil || code <= 0 || !strings.Contains(s.Stderr(), refusal) {
		r.Broken("a second process ended with code %d and the text %q", code, s.Stderr())
		return 0
	}
	return 1
}
