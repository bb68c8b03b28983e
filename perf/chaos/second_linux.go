package chaos

import (
	"context"
	"errors"
	"strings"
	"time"

	"holdfast/biz/journal"
)

func secondFault() Fault {
	return Fault{
		Name: "second", ID: "D6", Short: "a second process on the data folder of a server under load",
		Promise: "the second one refuses to start and names the folder; the first goes on, and the folder is whole afterwards",
		Long:    Size{Rounds: 20, Size: 2}, Gate: Size{Rounds: 1, Size: 2},
		Run: runSecond,
	}
}

// runSecond makes r.Rounds rounds with r.Size processes that come too late.
func runSecond(ctx context.Context, r *Run) error {
	traders := r.newTraders(4)
	first, err := r.Start(ctx, ServerOptions{})
	if err != nil {
		return err
	}
	if err := rememberAll(ctx, first.Addr, traders); err != nil {
		return err
	}
	refused := 0
	for round := range r.Rounds {
		trading, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			tradeAll(trading, first.Addr, traders)
		}()
		for range r.Size {
			refused += r.startSecond(ctx, first.Data)
		}
		cancel()
		<-ended
		r.Progress(round+1, r.Rounds, "rounds")
	}
	if err := settleAll(ctx, first.Addr, traders); err != nil {
		r.Broken("the first process does not go on: %v; %s", err, first.LastWords())
		return nil
	}
	r.Figure("refused to start", refused, "")
	r.Figure("orders acknowledged by the first", countAll(traders).acked, "")
	if countAll(traders).acked == 0 {
		return ErrTooLittle
	}
	if err := verifyAll(ctx, first.Addr, traders, true); err != nil {
		return err
	}
	return r.startThird(ctx, first, traders)
}

// startThird ends the first server and starts one on what all have left.
func (r *Run) startThird(ctx context.Context, first *Server, traders []*trader) error {
	first.Kill()
	third, err := r.Start(ctx, ServerOptions{Data: first.Data})
	if errors.Is(err, ErrNotStarted) && ctx.Err() == nil {
		r.Broken("no start afterwards: %s", third.LastWords())
		return nil
	}
	if err != nil {
		return err
	}
	return verifyAll(ctx, third.Addr, traders, true)
}

// startSecond tries to start a server where one is; 1 when it refuses as it has to.
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
	refusal := journal.ErrLocked.Error() + ": " + folder // not damage, say, that it took the first one's work for
	if err != nil || code <= 0 || !strings.Contains(s.Stderr(), refusal) {
		r.Broken("a second process ended with code %d and said %q", code, s.Stderr())
		return 0
	}
	return 1
}
