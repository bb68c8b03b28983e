package chaos

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"time"
)

func killFault() Fault {
	return Fault{
		Name: "kill", ID: "D1", Short: "kill -9 at random moments of trading",
		How: "kill -9 at random moments while customers place, cancel and replace orders, prices move, an operator busts and corrects, " +
			"and some sessions only watch; one order in ten is sent twice",
		Promise: "no acknowledged order, cancel, replacement, bust or correction is lost, none takes effect twice (D8); " +
			"working orders are those acknowledged and not ended, positions and cash are the sum of executions; " +
			"a session that resumes receives every push it missed, once",
		Long: Size{Rounds: 1000, Size: 16}, Gate: Size{Rounds: 20, Size: 16},
		RoundsHelp: "rounds, each with a kill",
		SizeHelp:   "customers who trade",
		Run:        runKill,
	}
}

// Parameters of the rounds of kill.
const (
	killVerifyEvery = 5  // rounds between two checks of all accounts
	killLeave       = 50 // ms: one session leaves at most this long before the kill
	killStartShare  = 10 // one round in ten first kills a starting server
)

// killRun is a data folder used by several servers in turn.
type killRun struct {
	*Run
	random  *rand.Rand
	data    string
	server  *Server
	args    []string // of each server
	traders []*trader
	watched []*watcher
	inStart int           // servers killed while starting
	slowest time.Duration // start
}

// runKill does r.Rounds rounds with r.Size customers who trade, beside an operator who busts and
// corrects. Some customers have a session that only watches.
func runKill(ctx context.Context, r *Run) error {
	k := &killRun{Run: r, random: r.Random(), data: filepath.Join(r.Scratch, "data"), traders: r.newTraders(r.Size)}
	for _, t := range k.traders {
		t.undoes = true
	}
	k.args = r.shallowSeed(k.traders)
	k.watched = watch(k.traders)
	defer func() { closeAll(k.watched) }()
	k.serve(ctx)
	rememberAll(ctx, k.server.Addr, k.traders)
	resumeAll(ctx, k.server.Addr, k.watched)
	r.rounds(ctx, func(round int) { k.round(ctx, round) })
	return k.finish(ctx)
}

// round kills the server while all customers trade, and restarts it.
func (k *killRun) round(ctx context.Context, round int) {
	pause := time.Duration(100+k.random.IntN(400)) * time.Millisecond
	timer := time.AfterFunc(pause, k.server.Kill)
	defer timer.Stop()
	leaves := k.watched[k.random.IntN(len(k.watched))] // the others stay until the kill
	leaving := time.AfterFunc(pause-time.Duration(k.random.IntN(killLeave))*time.Millisecond, leaves.close)
	defer leaving.Stop()
	tradeFor(ctx, k.server.Addr, k.traders, 30*time.Second)
	k.server.Kill()
	if k.random.IntN(killStartShare) == 0 {
		k.killStart(ctx)
	}
	k.serve(ctx)
	resumeAll(ctx, k.server.Addr, k.watched)
	if round%killVerifyEvery == killVerifyEvery-1 {
		verifyAll(ctx, k.server.Addr, k.traders, false)
	}
}

// killStart kills a server while it recovers the data of the previous one.
func (k *killRun) killStart(ctx context.Context) {
	soon, cancel := context.WithTimeout(ctx, time.Duration(5+k.random.IntN(120))*time.Millisecond)
	defer cancel()
	s, err := k.Start(soon, ServerOptions{Data: k.data, Args: k.args})
	if s != nil {
		s.Kill()
	}
	if err != nil {
		k.inStart++
	}
}

func (k *killRun) serve(ctx context.Context) {
	start := time.Now()
	k.server = must(k.Start(ctx, ServerOptions{Data: k.data, Args: k.args}))
	k.slowest = max(k.slowest, time.Since(start))
}

// finish sends orders without an answer again, compares everything and writes the
// figures.
func (k *killRun) finish(ctx context.Context) error {
	check(resendAll(ctx, k.server.Addr, k.traders))
	resumeAll(ctx, k.server.Addr, k.watched)
	seen := closeAll(k.watched)
	verifyAll(ctx, k.server.Addr, k.traders, true)
	sum := countAll(k.traders)
	sum.figures(k.Run)
	k.Figure("busts", sum.busts, "")
	k.Figure("corrections", sum.corrections, "")
	k.Figure("orders sent again after a reply", sum.doubles, "")
	k.Figure("requests sent again without a first reply", sum.resent, "")
	k.Figure("of these done before", sum.done, "")
	k.Figure("pushes received", seen.pushes, "")
	k.Figure("sessions that resumed", seen.resumed, "")
	k.Figure("pushes that these had missed", seen.missed, "")
	k.Figure("sessions that started with a snapshot", seen.fresh, "")
	k.Figure("servers killed while starting", k.inStart, "")
	k.Figure("longest start", k.slowest, "")
	tooLittle := seen.resumed < k.Rounds || seen.missed < k.Rounds || sum.acked < k.Rounds*20 || sum.resent == 0 || sum.doubles == 0 ||
		sum.busts == 0 || sum.corrections == 0 || sum.cancels < k.Rounds || sum.replaces < k.Rounds || sum.filled < k.Rounds
	if tooLittle {
		return ErrTooLittle
	}
	return nil
}
