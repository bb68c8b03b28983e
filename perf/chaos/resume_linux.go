package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/load"
)

// Parameters of resume, whose clients share customers.
const (
	resumeShare    = 10             // clients of each customer
	resumeRate     = 20.0           // executions a second of each customer, which all its clients get
	resumeResting  = resumeRate / 5 // limit orders and cancels a second of each customer
	resumeEvents   = 64             // of an account that the server remembers: 2 to 3 seconds
	resumePatience = 2 * time.Minute
)

// Times between the drops of a client.
const (
	resumeStay = time.Second            // at most
	resumeAway = 200 * time.Millisecond // at most
	resumeLong = 4 * time.Second        // at most, one time in resumeSome: the server forgets what it missed
	resumeSome = 10
)

func resume() Fault {
	return Fault{
		Name: "resume", ID: "C10", Short: "clients drop and resume, again and again, while others trade",
		How: fmt.Sprintf("clients, %d of each customer, drop at random moments, by a close or a reset, and resume, again and again, "+
			"while each of them gets %.0f executions and %.0f changes of orders a second", resumeShare, resumeRate, resumeResting),
		Promise: "no client misses a push or gets one twice, and every view ends equal to the server's account",
		Long:    Size{Rounds: 20, Size: 1000}, Gate: Size{Rounds: 3, Size: 60},
		RoundsHelp: "drops of each client",
		SizeHelp:   "clients: each gets 20 executions a second",
		Run:        runResume,
	}
}

// runResume drops r.Size clients r.Rounds times each.
func runResume(ctx context.Context, r *Run) error {
	procs := runtime.GOMAXPROCS(clientProcs) // the event loops of the traders must not stop the clients
	r.Cleanup(func() error { runtime.GOMAXPROCS(procs); return nil })
	accounts := demoAccounts(min(customers, max(1, r.Size/resumeShare)))
	s := must(r.Start(ctx, ServerOptions{Args: []string{
		"--recent-events", strconv.Itoa(resumeEvents), "--max-connections", strconv.Itoa(r.Size + 1000),
	}}))
	sessions := make([]*resumer, r.Size)
	for i := range sessions {
		sessions[i] = &resumer{run: r, addr: s.Addr, random: r.Random(), customer: client.Customer(accounts[i%len(accounts)].Customer)}
	}
	defer func() {
		for _, c := range sessions {
			c.close()
		}
	}()
	start := time.Now()
	trades := r.resumeLoad(ctx, s.Addr, accounts, func(ctx context.Context) error { return dropAll(ctx, r, sessions) })
	took := time.Since(start)
	r.compareViews(ctx, s.Addr, sessions)
	var sum resumeCounts
	for _, c := range sessions {
		c.close() // its last push was taken
		sum.add(&c.counts)
	}
	r.Figure("clients", r.Size, "")
	r.Figure("executions", trades, "")
	r.Figure("pushes received", sum.pushes, "")
	r.Figure("pushes received a second", float64(sum.pushes)/took.Seconds(), "")
	r.Figure("drops by a close", sum.drops-sum.resets, "")
	r.Figure("drops by a reset", sum.resets, "")
	r.Figure("sessions that resumed", sum.resumed, "")
	r.Figure("sessions that started with a snapshot", sum.snapshots, "")
	if trades == 0 || sum.resets == 0 || sum.resumed < r.Size*r.Rounds/2 || sum.snapshots == r.Size {
		return ErrTooLittle
	}
	return nil
}

// resumeLoad trades for all accounts while during runs, and returns how many market orders were
// executed.
func (r *Run) resumeLoad(ctx context.Context, addr string, accounts []load.Account, during func(context.Context) error) int {
	_, list := look(ctx, addr, firstCustomer, traderKeys)
	n := float64(len(accounts))
	o := load.Options{
		Addr: addr, Workload: load.Orders, Connections: len(accounts), Accounts: accounts, Rate: resumeRate * n,
		Duration: time.Millisecond, Drain: patience, ConnectTimeout: patience,
	}
	for _, i := range list {
		o.Instruments = append(o.Instruments, [2]string{i.Key.Market, i.Key.Code})
		o.RestPrices = append(o.RestPrices, int64(i.LastPrice-100*i.PriceTick))
	}
	resting := o
	resting.Workload, resting.Rate, resting.During = load.Resting, resumeResting*n, during
	o.During = func(ctx context.Context) error {
		report, err := load.Run(ctx, resting)
		return r.judgeLoad(report, err)
	}
	before := time.Now()
	report, err := load.Run(ctx, o)
	check(ctx.Err())
	check(r.judgeLoad(report, err))
	return int(o.Rate * time.Since(before).Seconds())
}

// judgeLoad reports the errors of traders. The error is that of a run that could not be
// completed.
func (r *Run) judgeLoad(report *load.Report, err error) error {
	if report != nil && (report.ErrorCount() > 0 || len(report.Results) > 0) {
		r.Broken("traders lost requests or pushes: %v %v %q", report.Errors, report.Results, report.Samples)
	}
	return err
}

// dropAll runs all sessions until each has dropped r.Rounds times.
func dropAll(ctx context.Context, r *Run, sessions []*resumer) error {
	var work sync.WaitGroup
	ended := make(chan error, len(sessions))
	for _, c := range sessions {
		work.Go(func() { ended <- c.dropAndResume(ctx) })
	}
	var first error
	failed := 0
	for i := range sessions {
		if err := <-ended; err != nil {
			first = cmp.Or(first, err)
			failed++
		}
		r.Progress(i+1, len(sessions), "clients")
	}
	work.Wait()
	if first != nil {
		return fmt.Errorf("%d sessions failed; the first: %w", failed, first)
	}
	return nil
}

// compareViews compares every view with the server's account. Nobody trades any more.
func (r *Run) compareViews(ctx context.Context, addr string, sessions []*resumer) {
	ctx, cancel := context.WithTimeout(ctx, resumePatience)
	defer cancel()
	accounts := make(map[client.Customer]*accountNow)
	for _, c := range sessions {
		if accounts[c.customer] == nil {
			now, err := readAccount(ctx, addr, c.customer)
			check(err)
			accounts[c.customer] = now
		}
		c.compare(ctx, accounts[c.customer])
	}
}

// accountNow is an account as the server shows it to a new session.
type accountNow struct {
	client.Snapshot
	orders     []client.OrderState
	executions []client.Execution // the newest, as many as a view has
}

func readAccount(ctx context.Context, addr string, customer client.Customer) (*accountNow, error) {
	c, s, err := login(ctx, addr, customer, client.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	orders, err := c.Orders(ctx, 0)
	if err != nil {
		return nil, err
	}
	page, err := patiently(ctx, func() (client.HistoryPage, error) {
		return c.History(ctx, client.HistoryQuery{Limit: client.MaxShown})
	})
	return &accountNow{s, orders.Orders, page.Executions}, err
}

// resumer is a session that drops and resumes. Owner: the goroutine of dropAndResume, and
// afterwards that of the run.
type resumer struct {
	run      *Run
	addr     string
	customer client.Customer
	random   *rand.Rand
	client   *client.Client

	mu     sync.Mutex
	counts resumeCounts
	conn   *net.TCPConn // the present one
	order  pushOrder
}

type resumeCounts struct{ pushes, drops, resets, resumed, snapshots int }

func (c *resumeCounts) add(d *resumeCounts) {
	c.pushes += d.pushes
	c.drops += d.drops
	c.resets += d.resets
	c.resumed += d.resumed
	c.snapshots += d.snapshots
}

// dropAndResume logs in, then drops and resumes run.Rounds times.
func (c *resumer) dropAndResume(ctx context.Context) error {
	sleep(ctx, c.upTo(resumeStay))
	if err := c.login(ctx); err != nil {
		return fmt.Errorf("login of %d: %w", c.customer, err)
	}
	for range c.run.Rounds {
		sleep(ctx, c.upTo(resumeStay))
		c.drop()
		away := resumeAway
		if c.random.IntN(resumeSome) == 0 {
			away = resumeLong
		}
		sleep(ctx, c.upTo(away))
		if err := c.comeBack(ctx); err != nil {
			return fmt.Errorf("reconnect of %d: %w", c.customer, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (c *resumer) login(ctx context.Context) error {
	return client.Retry(ctx, func() (err error) {
		options := client.Options{OnPush: c.take, PushBuffer: watcherBuffer, Dial: c.dial, Timeout: patience}
		if c.client, err = client.Dial(ctx, c.addr, options); err != nil {
			return err
		}
		s, err := c.client.Login(ctx, c.customer, client.DemoToken(c.customer))
		if err != nil {
			return errors.Join(err, c.client.Close())
		}
		c.restarted(s.Sequence)
		return nil
	})
}

func (c *resumer) upTo(d time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(d)))
}

func (c *resumer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn.(*net.TCPConn)
	return conn, nil
}

// drop ends the connection: with a FIN, or a reset. The view does not change afterwards.
func (c *resumer) drop() {
	if err := c.client.Err(); err != nil {
		c.run.Broken("a session of %d was closed: %v", c.customer, err)
	}
	c.mu.Lock()
	c.counts.drops++
	if c.random.IntN(2) == 0 {
		c.counts.resets++
		_ = c.conn.SetLinger(0) // so the close is a reset
	}
	c.mu.Unlock()
	c.client.Close()
}

// comeBack logs in again.
func (c *resumer) comeBack(ctx context.Context) error {
	return client.Retry(ctx, func() error {
		next, welcome, err := c.client.Reconnect(ctx, c.customer, client.DemoToken(c.customer))
		if err != nil {
			return err
		}
		c.client = next
		if !welcome.Resumed {
			c.restarted(welcome.Snapshot.Sequence)
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.counts.resumed++
		return nil
	})
}

// take handles each push. It must follow the one before, or a snapshot.
func (c *resumer) take(p client.Push) {
	if broken, ok := p.Event.(client.SequenceBreak); ok {
		c.run.Broken("a session of %d: %v", c.customer, broken)
		return
	}
	if p.Sequence == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.pushes++
	c.broken(c.order.push(p.Sequence))
}

// broken reports what is wrong with the pushes, if anything is.
func (c *resumer) broken(wrong string) {
	if wrong != "" {
		c.run.Broken("a session of %d %s", c.customer, wrong)
	}
}

// restarted records a snapshot, before or after the first push that follows it.
func (c *resumer) restarted(sequence uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.snapshots++
	c.broken(c.order.snapshot(sequence))
}

// compare compares the view with the server's account.
func (c *resumer) compare(ctx context.Context, now *accountNow) {
	d, err := c.client.View().Wait(ctx, func(d *client.Display) bool { return d.Sequence >= now.Sequence })
	if err != nil || d.Sequence != now.Sequence {
		c.run.Broken("a session of %d has push %d, its account %d: %v", c.customer, d.Sequence, now.Sequence, errors.Join(err, c.client.Err()))
		return
	}
	c.mu.Lock()
	c.broken(c.order.end())
	c.mu.Unlock()
	if d.Gaps != 0 || d.Doubles != 0 || c.client.Dropped() != 0 {
		c.run.Broken("a session of %d has missed pushes, or got some twice", c.customer)
	}
	account := now.Account
	for _, part := range []struct {
		name      string
		view, now any
	}{
		{"positions", d.Positions, now.Positions},
		{"orders", append([]client.OrderState{}, d.Orders...), now.orders},
		{"executions", d.Executions, now.executions[:min(len(now.executions), len(d.Executions))]},
		{"cash", []client.Money{d.Account.Cash, d.Account.FrozenCash, d.Account.FreeCash}, []client.Money{account.Cash, account.FrozenCash, account.FreeCash}},
	} {
		if !reflect.DeepEqual(part.view, part.now) {
			c.run.Broken("a session of %d shows the %s %v, the server has %v", c.customer, part.name, part.view, part.now)
		}
	}
}

// close ends the session.
func (c *resumer) close() {
	if c.client != nil {
		c.client.Close()
	}
}
