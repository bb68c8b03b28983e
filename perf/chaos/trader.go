package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
)

// traderKeys is how many instruments a trader trades.
const traderKeys = 5

// A trader is one customer who trades at random over several connections and keeps
// a ledger of what the server has acknowledged.
type trader struct {
	r        *Run
	customer client.Customer
	workers  int // requests in flight at a time
	limit    int // client order ids it uses; 0: no limit
	undoes   bool
	moves    bool           // the server may send a request again itself: then a repeated one is answered as the first
	options  client.Options // of its connections
	prices   *prices

	mu      sync.Mutex
	random  *rand.Rand
	ledger  *ledger
	open    []request // without an answer: to be sent again
	recent  []request // acknowledged orders, the newest last; at most doubleReach
	resting []uint32  // acknowledged orders that may work and have no open request
	counts  traderCounts
}

// traderCounts counts what a trader has done.
type traderCounts struct {
	acked, rested, cancels, replaces int // acknowledged
	filled                           int // executions of orders after they had rested
	doubles, resent, done            int // done: resent, and it had happened before
	busts, corrections               int
	refused, unavailable             int
}

func (c *traderCounts) add(d traderCounts) {
	c.acked += d.acked
	c.rested += d.rested
	c.cancels += d.cancels
	c.replaces += d.replaces
	c.filled += d.filled
	c.doubles += d.doubles
	c.resent += d.resent
	c.done += d.done
	c.busts += d.busts
	c.corrections += d.corrections
	c.refused += d.refused
	c.unavailable += d.unavailable
}

// figures writes the counts of requests to the verdict.
func (c *traderCounts) figures(r *Run) {
	r.Figure("orders acknowledged", c.acked, "")
	r.Figure("of these resting", c.rested, "")
	r.Figure("executions of resting orders", c.filled, "")
	r.Figure("cancels", c.cancels, "")
	r.Figure("replacements", c.replaces, "")
}

// newTraders returns n customers of the shipped seed.
func (r *Run) newTraders(n int) []*trader {
	var all []*trader
	market := &prices{random: r.Random()}
	for i := range n {
		c := client.Customer(firstCustomer + i)
		all = append(all, &trader{r: r, customer: c, workers: 4, random: r.Random(), ledger: newLedger(r, c), prices: market})
	}
	return all
}

// countAll adds up the counts of traders.
func countAll(traders []*trader) (sum traderCounts) {
	for _, t := range traders {
		t.mu.Lock()
		sum.add(t.counts)
		t.mu.Unlock()
	}
	return sum
}

// rememberAll stores each trader's account before any trade, and the prices.
func rememberAll(ctx context.Context, addr string, traders []*trader) {
	for _, t := range traders {
		s, list := look(ctx, addr, t.customer, traderKeys)
		t.prices.start = list
		t.ledger.keys, t.ledger.prices = keysOf(list), t.prices.atCheck()
		t.ledger.start(s)
	}
}

// look returns an account and the first n instruments.
func look(ctx context.Context, addr string, customer client.Customer, n int) (client.Snapshot, []client.Instrument) {
	c, s, err := login(ctx, addr, customer, client.Options{})
	check(err)
	defer c.Close()
	return s, must(c.Quotes(ctx, nil, false))[:n]
}

func keysOf(list []client.Instrument) (keys []client.Key) {
	for _, i := range list {
		keys = append(keys, i.Key)
	}
	return keys
}

// login connects a customer of the shipped seed.
func login(ctx context.Context, addr string, customer client.Customer, o client.Options) (*client.Client, client.Snapshot, error) {
	c, err := client.Dial(ctx, addr, o)
	if err != nil {
		return nil, client.Snapshot{}, err
	}
	s, err := c.Login(ctx, customer, client.DemoToken(customer))
	if err != nil {
		c.Close()
	}
	return c, s, err
}

func (t *trader) dial(ctx context.Context, addr string) (*client.Client, client.Snapshot, error) {
	return login(ctx, addr, t.customer, t.options)
}

// tradeAll runs all traders, and moves the prices, until the server is gone or ctx has ended.
func tradeAll(ctx context.Context, addr string, traders []*trader) {
	var all, moving sync.WaitGroup
	moves, stop := context.WithCancel(ctx)
	moving.Go(func() { traders[0].prices.move(moves, addr) })
	for _, t := range traders {
		all.Go(func() { t.trade(ctx, addr) })
	}
	all.Wait()
	stop()
	moving.Wait()
}

// tradeFor is tradeAll with a limit of d.
func tradeFor(ctx context.Context, addr string, traders []*trader, d time.Duration) {
	trading, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	tradeAll(trading, addr, traders)
	check(ctx.Err())
}

// trade sends unanswered requests again, and some answered ones, then new ones, until the
// connection or ctx ends.
func (t *trader) trade(ctx context.Context, addr string) {
	c, _, err := t.dial(ctx, addr)
	if err != nil {
		return // the server was killed
	}
	defer c.Close()
	var operator *client.Client // nil: nothing is busted or corrected
	if t.undoes {
		if operator, _, err = login(ctx, addr, operatorID, client.Options{}); err == nil {
			defer operator.Close()
		} else {
			operator = nil
		}
	}
	if !t.resend(ctx, c) {
		return
	}
	var all sync.WaitGroup
	for range t.workers {
		all.Go(func() {
			for ctx.Err() == nil && t.wantsMore() && t.step(ctx, c, operator) {
			}
		})
	}
	all.Wait()
}

// Customers and instruments of the shipped seed.
const (
	firstCustomer = 100_001
	customers     = 100
	operatorID    = 900_001

	shippedInstruments = 20
)

// resend sends requests again that were open when the last connection ended. It returns
// false if this one has ended too.
func (t *trader) resend(ctx context.Context, c *client.Client) bool {
	t.mu.Lock()
	open := t.open
	t.open = nil
	again := append([]request(nil), t.recent[max(0, len(t.recent)-4):]...)
	t.mu.Unlock()
	for i, q := range open {
		if _, ok := t.send(ctx, c, q, unanswered); !ok {
			t.mu.Lock()
			t.open = append(t.open, open[i+1:]...)
			t.mu.Unlock()
			return false
		}
	}
	for _, q := range again { // acknowledged before the restart
		if _, ok := t.send(ctx, c, q, answered); !ok {
			return false
		}
	}
	return true
}

// wantsMore reports whether the limit leaves more requests to make.
func (t *trader) wantsMore() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit == 0 || t.ledger.sent() < t.limit
}

// step sends one request, and perhaps repeats an order, or busts or corrects an execution.
func (t *trader) step(ctx context.Context, c, operator *client.Client) bool {
	q := t.newRequest()
	executions, ok := t.send(ctx, c, q, fresh)
	if !ok {
		return false
	}
	if len(executions) == 0 && q.kind == placing {
		sleep(ctx, time.Millisecond) // it may be refused: the next one may be refused too
	}
	t.mu.Lock()
	undo := operator != nil && len(executions) > 0 && t.random.IntN(undoShare) == 0
	double := len(t.recent) > 0 && t.random.IntN(doubleShare) == 0
	var again request
	if double {
		again = t.recent[t.random.IntN(len(t.recent))]
	}
	t.mu.Unlock()
	if undo {
		t.undo(ctx, operator, executions[0])
	}
	if double {
		_, ok = t.send(ctx, c, again, answered)
	}
	return ok
}

// verifyTimeout bounds one check of an account.
const verifyTimeout = 2 * time.Minute

// verifyAll moves the prices back to those at the start, and compares the server's state with the
// traders' ledgers: the newest part of the histories, or all of them.
func verifyAll(ctx context.Context, addr string, traders []*trader, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	check(traders[0].prices.moveBack(ctx, addr))
	problems := make(chan error, len(traders))
	for _, t := range traders {
		go func() { problems <- t.verify(ctx, addr, whole) }()
	}
	var all []error
	for range traders {
		all = append(all, <-problems)
	}
	check(errors.Join(all...))
}

// verifyTries is how often an account is read until nothing has changed meanwhile: resting
// orders may be executed on a server that has just started.
const verifyTries = 10

// verify reads the history, the positions and the working orders.
func (t *trader) verify(ctx context.Context, addr string, whole bool) error {
	c, snapshot, err := t.dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	down := t.ledger.verified
	if whole {
		down = 0
	}
	for range verifyTries {
		list, err := c.Orders(ctx, 0)
		if err != nil {
			return fmt.Errorf("orders of %d: %w", t.customer, err)
		}
		err = t.ledger.read(down, func(before client.ExecutionID) (client.HistoryPage, error) {
			return readHistory(ctx, c, before)
		})
		if errors.Is(err, client.ErrUnavailable) {
			t.r.Broken("the history of %d was not available for %v: %v", t.customer, historyPatience, err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("history of %d: %w", t.customer, err)
		}
		before := snapshot.Sequence
		if snapshot, err = c.Positions(ctx); err != nil {
			return fmt.Errorf("positions of %d: %w", t.customer, err)
		}
		if list.Sequence == before && snapshot.Sequence == before {
			return t.compare(ctx, c, snapshot, list.Orders)
		}
	}
	return fmt.Errorf("%w: the account of %d changes again and again", ErrTooLittle, t.customer)
}

// compare compares an account with the ledger. The caller holds t.mu.
func (t *trader) compare(ctx context.Context, c *client.Client, s client.Snapshot, working []client.OrderState) error {
	t.ledger.compare(s, working)
	for _, id := range t.ledger.compareWorking(working) {
		o, err := patiently(ctx, func() (client.OrderState, error) { return c.FindOrder(ctx, client.OrderRef{ID: id}) })
		switch {
		case errors.Is(err, client.ErrRejected):
			t.r.Broken("the acknowledged order %v is lost: %v", id, err)
		case err != nil:
			return fmt.Errorf("order %v: %w", id, err)
		default:
			t.ledger.compareEnded(o)
		}
	}
	t.counts.filled = t.ledger.filledLater()
	return nil
}

// historyPatience is how long the history may lag.
const historyPatience = 30 * time.Second

// readHistory reads a page, and retries while the server is catching up.
func readHistory(ctx context.Context, c *client.Client, before client.ExecutionID) (client.HistoryPage, error) {
	return patiently(ctx, func() (client.HistoryPage, error) {
		return c.History(ctx, client.HistoryQuery{Before: before, Limit: 1000})
	})
}

// patiently calls read, and again while the history of the server is catching up.
func patiently[T any](ctx context.Context, read func() (T, error)) (got T, err error) {
	for deadline := time.Now().Add(historyPatience); ; sleep(ctx, 100*time.Millisecond) {
		got, err = read()
		if !errors.Is(err, client.ErrUnavailable) || time.Now().After(deadline) || ctx.Err() != nil {
			return got, err
		}
	}
}

// orderNumber returns the number in a client order id of a customer.
func orderNumber(c client.Customer, id string) (int, bool) {
	rest, ok := strings.CutPrefix(id, strconv.Itoa(int(c))+"/")
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil
}

// resendAll sends unanswered requests until they are answered.
func resendAll(ctx context.Context, addr string, traders []*trader) error {
	for _, t := range traders {
		c, _, err := t.dial(ctx, addr)
		if err != nil {
			return err
		}
		ok := t.resend(ctx, c)
		c.Close()
		if !ok {
			return fmt.Errorf("%d gets no answer to its open requests", t.customer)
		}
	}
	return nil
}

// resendAndVerify sends unanswered requests again and compares everything.
func resendAndVerify(ctx context.Context, addr string, traders []*trader) {
	check(resendAll(ctx, addr, traders))
	verifyAll(ctx, addr, traders, true)
}
