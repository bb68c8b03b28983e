package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

func killFault() Fault {
	return Fault{
		Name: "kill", ID: "D1", Short: "kill -9 at random moments of trading",
		How: "kill -9 at random moments while customers trade, an operator busts and some look on; one order in ten is sent twice",
		Promise: "no acknowledged order or bust is lost, none has effect twice (D8), positions are the sum of executions; " +
			"a session that comes back is given the pushes it missed, all of them and once",
		Long: Size{Rounds: 1000, Size: 16}, Gate: Size{Rounds: 20, Size: 16},
		Run: runKill,
	}
}

// Of the rounds of kill.
const (
	killVerifyEvery = 5  // rounds between two looks at all accounts
	killLeave       = 50 // ms before the kill when one session is over, at most
	killStartShare  = 10 // one round in so many kills a server that is starting, first
)

// killRun is a data folder that outlives its servers.
type killRun struct {
	*Run
	random  *rand.Rand
	data    string
	server  *Server
	traders []*trader
	watched []*watcher
	inStart int           // servers killed before they served
	slowest time.Duration // start
}

// runKill makes r.Rounds rounds with r.Size customers who trade. One order in ten is
// sent twice, an operator busts, and some customers have a session that looks on.
func runKill(ctx context.Context, r *Run) error {
	k := &killRun{Run: r, random: r.Random(), data: filepath.Join(r.Scratch, "data"), traders: r.newTraders(r.Size)}
	for _, t := range k.traders {
		t.busts = true
	}
	k.watched = watch(k.traders)
	defer func() { closeAll(k.watched) }()
	if err := os.Mkdir(k.data, 0o755); err != nil {
		return err
	}
	if err := k.serve(ctx); err != nil {
		return err
	}
	if err := rememberAll(ctx, k.server.Addr, k.traders); err != nil {
		return err
	}
	if err := resumeAll(ctx, k.server.Addr, k.watched); err != nil {
		return err
	}
	for round := range r.Rounds {
		if err := k.round(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	return k.finish(ctx)
}

// round lets everybody trade, kills the server in the middle of it, and starts it
// again.
func (k *killRun) round(ctx context.Context, round int) error {
	pause := time.Duration(100+k.random.IntN(400)) * time.Millisecond
	timer := time.AfterFunc(pause, k.server.Kill)
	defer timer.Stop()
	leaves := k.watched[k.random.IntN(len(k.watched))] // the others see it to the end
	leaving := time.AfterFunc(pause-time.Duration(k.random.IntN(killLeave))*time.Millisecond, leaves.close)
	defer leaving.Stop()
	trading, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tradeAll(trading, k.server.Addr, k.traders)
	if err := ctx.Err(); err != nil {
		return err
	}
	k.server.Kill()
	if k.random.IntN(killStartShare) == 0 {
		k.killStart(ctx)
	}
	if err := k.serve(ctx); err != nil {
		return err
	}
	if err := resumeAll(ctx, k.server.Addr, k.watched); err != nil {
		return err
	}
	if round%killVerifyEvery == killVerifyEvery-1 {
		return verifyAll(ctx, k.server.Addr, k.traders, false)
	}
	return nil
}

// killStart kills a server while it takes up what the one before has left.
func (k *killRun) killStart(ctx context.Context) {
	soon, cancel := context.WithTimeout(ctx, time.Duration(5+k.random.IntN(120))*time.Millisecond)
	defer cancel()
	s, err := k.Start(soon, ServerOptions{Data: k.data})
	if s != nil {
		s.Kill()
	}
	if err != nil {
		k.inStart++
	}
}

func (k *killRun) serve(ctx context.Context) (err error) {
	begin := time.Now()
	k.server, err = k.Start(ctx, ServerOptions{Data: k.data})
	k.slowest = max(k.slowest, time.Since(begin))
	return err
}

// finish settles what is open, compares everything and gives the figures.
func (k *killRun) finish(ctx context.Context) error {
	if err := settleAll(ctx, k.server.Addr, k.traders); err != nil {
		return err
	}
	if err := resumeAll(ctx, k.server.Addr, k.watched); err != nil {
		return err
	}
	seen := closeAll(k.watched)
	if err := verifyAll(ctx, k.server.Addr, k.traders, true); err != nil {
		return err
	}
	k.server.Kill()
	sum := countAll(k.traders)
	k.Figure("orders acknowledged", sum.acked, "")
	k.Figure("busts", sum.busts, "")
	k.Figure("sent again with an answer", sum.doubles, "")
	k.Figure("sent again without one", sum.resent, "")
	k.Figure("of those, done before", sum.known, "")
	k.Figure("pushes seen", seen.pushes, "")
	k.Figure("sessions that went on", seen.resumed, "")
	k.Figure("pushes they had missed", seen.missed, "")
	k.Figure("sessions that began afresh", seen.afresh, "")
	k.Figure("killed while starting", k.inStart, "")
	k.Figure("longest start", k.slowest, "")
	if seen.resumed < k.Rounds || seen.missed < k.Rounds {
		return ErrTooLittle
	}
	if sum.acked < k.Rounds*20 || sum.busts == 0 || sum.resent == 0 || sum.doubles == 0 {
		return ErrTooLittle
	}
	return nil
}
