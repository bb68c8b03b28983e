package chaos

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/journal"
	"holdfast/perf/load"
)

func trimFault() Fault {
	return Fault{
		Name: "trim", ID: "D10", Short: "kill -9 between checkpoints and trims of the journal",
		How: "as in kill, on a server that saves a checkpoint every second and trims its journal, while other customers trade; " +
			"kill -9 at random moments, while a checkpoint is being written, and while files are removed",
		Promise: "what kill promises; every start finds a checkpoint, the journal after it and the history of what was trimmed; " +
			"an order from before the trim that is sent again is answered as the first time; journal verify finds nothing wrong",
		Long: Size{Rounds: 200, Size: 8}, Gate: Size{Rounds: 4, Size: 4},
		RoundsHelp: "rounds, each with a kill",
		SizeHelp:   "customers who trade",
		Run:        runTrim,
	}
}

// Parameters of the rounds of trim.
const (
	trimLoaders   = 8                // customers who enlarge the journal, at the end of the list
	trimLoadDepth = 64               // orders that each of them has in flight
	trimLeast     = 1500             // ms: the first kill of a server, after the first checkpoint
	trimMost      = 4000             // ms
	trimPoll      = time.Millisecond // between two looks at the files
	trimEarly     = 12               // orders of each customer that are sent again in every round
)

// trimRun is a killRun on a server that trims.
type trimRun struct {
	*killRun
	early     [][]request // by trader: orders of the first round
	earlyEnd  uint64      // the last batch of the first round
	first     uint64      // batch of the journal
	trims     int         // rounds that trimmed
	afterTrim int         // rounds in which all early orders were trimmed
	again     int         // early orders that were answered as the first time in them
	moments   map[string]int
}

// runTrim does r.Rounds rounds with r.Size customers who trade.
func runTrim(ctx context.Context, r *Run) error {
	k := &trimRun{moments: make(map[string]int), first: 1, killRun: &killRun{
		Run: r, random: r.Random(), data: filepath.Join(r.Scratch, "data"), traders: r.newTraders(r.Size),
	}}
	for _, t := range k.traders {
		t.undoes = true
	}
	k.args = append(r.shallowSeed(k.traders), trimmingArgs()...)
	k.watched = watch(k.traders)
	defer func() { closeAll(k.watched) }()
	k.serve(ctx)
	rememberAll(ctx, k.server.Addr, k.traders)
	resumeAll(ctx, k.server.Addr, k.watched)
	r.rounds(ctx, func(round int) { k.round(ctx, round) })
	return k.finish(ctx)
}

// trimmingArgs are the flags of a server that saves checkpoints and trims as often as it can.
func trimmingArgs() []string {
	return []string{"--checkpoint-interval", "1s", "--journal-keep", "1MB"}
}

// round kills the server while all customers trade, restarts it, and compares.
func (k *trimRun) round(ctx context.Context, round int) {
	k.tradeAndKill(ctx, round)
	if round == 0 {
		k.remember(ctx)
	}
	k.readFirst(ctx)
	if k.random.IntN(killStartShare) == 0 {
		k.killStart(ctx)
	}
	if round%killVerifyEvery == killVerifyEvery-1 {
		k.command(ctx, "journal", "verify", "--data", k.data, "--seed-file", k.args[1])
	}
	k.serve(ctx)
	resumeAll(ctx, k.server.Addr, k.watched)
	k.sendEarly(ctx)
	if round%killVerifyEvery == killVerifyEvery-1 {
		verifyAll(ctx, k.server.Addr, k.traders, round%(4*killVerifyEvery) == 4*killVerifyEvery-1)
	}
}

// tradeAndKill trades, and kills the server at a moment that depends on the round.
func (k *trimRun) tradeAndKill(ctx context.Context, round int) {
	trading, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	addr := k.server.Addr
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		loadJournal(trading, addr)
	}()
	killed := make(chan struct{})
	least := time.Duration(trimLeast+k.random.IntN(500)) * time.Millisecond
	most := least + time.Duration(k.random.IntN(trimMost-trimLeast))*time.Millisecond
	moment := []func() string{func() string { return "" }, k.saving(), k.trimming()}[round%3]
	go func() {
		defer close(killed)
		k.killAt(trading, least, most, moment)
	}()
	tradeAll(trading, addr, k.traders)
	k.server.Kill()
	cancel()
	<-killed
	<-loaded
	check(ctx.Err())
}

// killAt kills the server after least, as soon as moment names one, and after most in any case.
func (k *trimRun) killAt(ctx context.Context, least, most time.Duration, moment func() string) {
	start, what := time.Now(), ""
	for ctx.Err() == nil && what == "" && time.Since(start) < most {
		sleep(ctx, trimPoll)
		if time.Since(start) >= least {
			what = moment()
		}
	}
	k.server.Kill()
	if what == "" {
		what = "servers killed at random moments"
	}
	k.moments[what]++
}

// saving returns a moment in which a checkpoint is being written.
func (k *trimRun) saving() func() string {
	return func() string {
		entries, err := os.ReadDir(filepath.Join(k.data, "checkpoints"))
		if err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".partial") }) {
			return "servers killed while a checkpoint was written"
		}
		return ""
	}
}

// trimming returns a moment in which the journal is being trimmed.
func (k *trimRun) trimming() func() string {
	path := filepath.Join(k.data, "journal", "trimmed")
	before, _ := os.Stat(path)
	return func() string {
		if now, err := os.Stat(path); err == nil && (before == nil || !os.SameFile(before, now)) {
			return "servers killed while the journal was trimmed"
		}
		return ""
	}
}

// loadJournal sends orders of other customers in other instruments, until the server is gone.
func loadJournal(ctx context.Context, addr string) {
	accounts := demoAccounts(customers)
	_, _ = load.Run(ctx, load.Options{
		Addr: addr, Workload: load.Orders, Connections: trimLoaders, Depth: trimLoadDepth, Accounts: accounts[customers-trimLoaders:],
		Instruments: [][2]string{instrument(10), instrument(12)}, Duration: startTimeout, MaxErrors: -1,
	})
}

// remember keeps orders of the first round, and where it ends in the journal.
func (k *trimRun) remember(ctx context.Context) {
	for _, t := range k.traders {
		k.early = append(k.early, slices.Clone(t.recent[:min(len(t.recent), trimEarly)]))
	}
	report := must(journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(k.data, "journal")}))
	k.earlyEnd = report.First + report.Batches - 1
}

// readFirst reads where the journal starts.
func (k *trimRun) readFirst(ctx context.Context) {
	enough := errors.New("enough")
	report, err := journal.Read(ctx, journal.ReadOptions{
		Dir: filepath.Join(k.data, "journal"), Each: func(*journal.Batch) error { return enough },
	})
	if err != nil && !errors.Is(err, enough) {
		check(err)
	}
	if report.First > k.first {
		k.trims++
	}
	if k.first = report.First; k.first > k.earlyEnd {
		k.afterTrim++
	}
}

// sendEarly sends orders of the first round again.
func (k *trimRun) sendEarly(ctx context.Context) {
	before := countAll(k.traders).doubles
	for i, t := range k.traders {
		c, _, err := t.dial(ctx, k.server.Addr)
		check(err)
		for _, q := range shuffled(k.random, k.early[i]) {
			if _, ok := t.send(ctx, c, q, answered); !ok {
				k.Broken("%s was acknowledged, and is not answered again", q.order.ClientOrderID)
			}
		}
		c.Close()
	}
	if k.first > k.earlyEnd {
		k.again += countAll(k.traders).doubles - before
	}
}

// shuffled returns some of the requests.
func shuffled(random *rand.Rand, all []request) []request {
	all = slices.Clone(all)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(len(all), 3)]
}

// finish compares everything, and writes the figures.
func (k *trimRun) finish(ctx context.Context) error {
	check(resendAll(ctx, k.server.Addr, k.traders))
	resumeAll(ctx, k.server.Addr, k.watched)
	seen := closeAll(k.watched)
	verifyAll(ctx, k.server.Addr, k.traders, true)
	k.server.stopClean(ctx)
	k.command(ctx, "journal", "verify", "--data", k.data, "--seed-file", k.args[1])
	sum := countAll(k.traders)
	sum.figures(k.Run)
	k.Figure("orders sent again after a reply", sum.doubles, "")
	k.Figure("requests sent again without a first reply", sum.resent, "")
	k.Figure("sessions that resumed", seen.resumed, "")
	k.Figure("pushes that these had missed", seen.missed, "")
	k.Figure("first batch at the end", k.first, "")
	k.Figure("rounds that trimmed the journal", k.trims, "")
	k.Figure("rounds after the first orders were trimmed", k.afterTrim, "")
	k.Figure("orders from before the trim answered as the first time", k.again, "")
	for _, what := range slices.Sorted(maps.Keys(k.moments)) {
		k.Figure(what, k.moments[what], "")
	}
	k.Figure("servers killed while starting", k.inStart, "")
	k.Figure("longest start", k.slowest, "")
	if k.trims == 0 || k.again == 0 || sum.acked < k.Rounds*20 || seen.resumed == 0 || sum.doubles == 0 {
		return ErrTooLittle
	}
	return nil
}
