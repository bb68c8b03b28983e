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

// Shares of the acknowledged orders.
const (
	doubleShare = 10 // one in ten is sent again
	bustShare   = 40 // one in forty is busted
)

// doubleReach is how many of the last orders may be sent again. The server remembers the
// client order ids of the last 256 events of an account.
const doubleReach = 64

// A trader is one customer who trades at random over several connections and keeps
// a ledger of what the server has acknowledged.
type trader struct {
	r        *Run
	customer client.Customer
	workers  int // orders in flight at a time
	limit    int // orders it places; 0: no limit
	busts    bool
	options  client.Options // of its connections

	mu     sync.Mutex
	random *rand.Rand
	ledger *ledger
	open   []client.Order // without an answer: to be sent again
	recent []client.Order // acknowledged, the newest last; at most doubleReach
	counts traderCounts
}

// traderCounts counts what a trader has done.
type traderCounts struct {
	acked, doubles, resent, done, busts, refused, unavailable int // done: resent, and already executed
}

func (c *traderCounts) add(d traderCounts) {
	c.acked += d.acked
	c.doubles += d.doubles
	c.resent += d.resent
	c.done += d.done
	c.busts += d.busts
	c.refused += d.refused
	c.unavailable += d.unavailable
}

// newTraders returns n customers of the shipped seed.
func (r *Run) newTraders(n int) []*trader {
	var all []*trader
	for i := range n {
		c := client.Customer(firstCustomer + i)
		all = append(all, &trader{r: r, customer: c, workers: 4, random: r.Random(), ledger: newLedger(r, c)})
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

// rememberAll stores each trader's account before any trade.
func rememberAll(ctx context.Context, addr string, traders []*trader) {
	for _, t := range traders {
		s, keys := look(ctx, addr, t.customer, traderKeys)
		t.ledger.keys = keys
		t.ledger.start(s)
	}
}

// look returns an account and the first n instruments.
func look(ctx context.Context, addr string, customer client.Customer, n int) (s client.Snapshot, keys []client.Key) {
	c, s, err := login(ctx, addr, customer, client.Options{})
	check(err)
	defer c.Close()
	for _, i := range must(c.Quotes(ctx, nil, false))[:n] {
		keys = append(keys, i.Key)
	}
	return s, keys
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

// tradeAll runs all traders until the server is gone or ctx has ended.
func tradeAll(ctx context.Context, addr string, traders []*trader) {
	var all sync.WaitGroup
	for _, t := range traders {
		all.Go(func() { t.trade(ctx, addr) })
	}
	all.Wait()
}

// tradeFor is tradeAll with a limit of d.
func tradeFor(ctx context.Context, addr string, traders []*trader, d time.Duration) {
	trading, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	tradeAll(trading, addr, traders)
	check(ctx.Err())
}

// trade sends unanswered orders again, and some answered ones, then new orders, until the
// connection or ctx ends.
func (t *trader) trade(ctx context.Context, addr string) {
	c, _, err := t.dial(ctx, addr)
	if err != nil {
		return // the server was killed
	}
	defer c.Close()
	var operator *client.Client // nil: nothing is busted
	if t.busts {
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

// Customers of the shipped seed.
const (
	firstCustomer = 100_001
	customers     = 100
	operatorID    = 900_001
)

// resend sends orders again that were open when the last connection ended. It returns
// false if this one has ended too.
func (t *trader) resend(ctx context.Context, c *client.Client) bool {
	t.mu.Lock()
	open := t.open
	t.open = nil
	again := append([]client.Order(nil), t.recent[max(0, len(t.recent)-4):]...)
	t.mu.Unlock()
	for i, o := range open {
		if _, ok := t.place(ctx, c, o, unanswered); !ok {
			t.mu.Lock()
			t.open = append(t.open, open[i+1:]...)
			t.mu.Unlock()
			return false
		}
	}
	for _, o := range again { // acknowledged before the restart
		if _, ok := t.place(ctx, c, o, answered); !ok {
			return false
		}
	}
	return true
}

// wantsMore reports whether the limit leaves more orders to make.
func (t *trader) wantsMore() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit == 0 || t.ledger.orders() < t.limit
}

// step places one order, and perhaps repeats or busts it.
func (t *trader) step(ctx context.Context, c, operator *client.Client) bool {
	o := t.newOrder()
	execution, ok := t.place(ctx, c, o, fresh)
	if ok && execution == 0 {
		sleep(ctx, time.Millisecond) // it was refused: the next one may be refused too
	}
	if !ok || execution == 0 {
		return ok
	}
	t.mu.Lock()
	bust := operator != nil && t.random.IntN(bustShare) == 0
	double := t.random.IntN(doubleShare) == 0
	again := t.recent[t.random.IntN(len(t.recent))]
	t.mu.Unlock()
	if bust {
		t.bust(ctx, operator, execution)
	}
	if double {
		_, ok = t.place(ctx, c, again, answered)
	}
	return ok
}

func (t *trader) newOrder() client.Order {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := client.Order{
		ClientOrderID: t.ledger.nextOrder(),
		Side:          client.Buy,
		Key:           t.ledger.keys[t.random.IntN(traderKeys)],
		Quantity:      client.Quantity(1 + t.random.IntN(100)),
	}
	if t.random.IntN(2) == 0 {
		o.Side = client.Sell
	}
	return o
}

// kind is the state of an order before it is sent.
type kind int

const (
	fresh      kind = iota // never sent
	unanswered             // sent, no answer
	answered               // acknowledged
)

// place sends an order and records the answer. It returns the execution, 0 for a refused
// order, and false if the connection has ended.
func (t *trader) place(ctx context.Context, c *client.Client, o client.Order, k kind) (client.ExecutionID, bool) {
	placed, err := c.PlaceOrder(ctx, o)
	if o.History == (client.HistoryID{}) {
		o.History = c.Hello().History // if it is sent again, over another connection
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if k == unanswered {
		t.counts.resent++
	}
	switch {
	case err == nil && len(placed.Executions) == 1:
		t.acknowledged(o, placed, k)
		return placed.Executions[0].ID, true
	case err == nil:
		t.r.Broken("order %s has %d executions", o.ClientOrderID, len(placed.Executions))
		return 0, true
	case errors.Is(err, client.ErrRejected), errors.Is(err, client.ErrUnavailable), errors.Is(err, client.ErrOverloaded):
		return 0, t.turnedDown(o, err, k)
	default:
		if k != answered {
			t.open = append(t.open, o)
		}
		return 0, false
	}
}

// acknowledged records an executed order. The caller holds t.mu.
func (t *trader) acknowledged(o client.Order, p client.Placed, k kind) {
	x := p.Executions[0]
	if x.Quantity != o.Quantity || x.Side != o.Side || x.Key != o.Key || x.ClientOrderID != o.ClientOrderID {
		t.r.Broken("order %v was answered with the execution %v", o, x)
	}
	switch {
	case k == fresh && p.Duplicate:
		t.r.Broken("%s was reported as a duplicate although it was sent once", o.ClientOrderID)
	case k == answered && !p.Duplicate:
		t.r.Broken("%s was acknowledged, and executed again as %v", o.ClientOrderID, x.ID)
	case k == answered:
		t.counts.doubles++
	case p.Duplicate:
		t.counts.done++
	}
	t.ledger.acknowledge(x)
	if k == answered {
		return
	}
	t.counts.acked++
	if len(t.recent) == doubleReach {
		t.recent = append(t.recent[:0], t.recent[1:]...)
	}
	t.recent = append(t.recent, o)
}

// turnedDown records an order that was not executed. It returns false if the connection
// has ended. The caller holds t.mu.
func (t *trader) turnedDown(o client.Order, err error, k kind) bool {
	if k == answered && errors.Is(err, client.ErrRejected) {
		t.r.Broken("%s was acknowledged, and then refused: %v", o.ClientOrderID, err)
		return true
	}
	switch {
	case errors.Is(err, client.ErrRejected): // for example for lack of shares
		t.counts.refused++
		t.ledger.refuse(o.ClientOrderID)
	case k == fresh:
		t.counts.unavailable++
		t.ledger.refuse(o.ClientOrderID)
	case k == answered:
		t.counts.unavailable++
	default: // it may have been executed before
		t.counts.unavailable++
		t.open = append(t.open, o)
		return false
	}
	return true
}

func (t *trader) bust(ctx context.Context, operator *client.Client, id client.ExecutionID) {
	_, err := operator.Bust(ctx, id, "chaos")
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.counts.busts++
		t.ledger.bust(id, true)
	case !errors.Is(err, client.ErrRejected): // later sells prevent it
		t.ledger.bust(id, false)
	}
}

// verifyTimeout bounds one check of an account.
const verifyTimeout = 2 * time.Minute

// verifyAll compares the server's state with the traders' ledgers: the newest part of the
// histories, or all of them.
func verifyAll(ctx context.Context, addr string, traders []*trader, whole bool) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
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

// verify reads the history and the positions.
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
	if err := t.ledger.read(down, func(before client.ExecutionID) (client.HistoryPage, error) {
		return readHistory(ctx, c, before)
	}); errors.Is(err, client.ErrUnavailable) {
		t.r.Broken("the history of %d was not available for %v: %v", t.customer, historyPatience, err)
		return nil
	} else if err != nil {
		return fmt.Errorf("history of %d: %w", t.customer, err)
	}
	t.ledger.compare(snapshot)
	return nil
}

// historyPatience is how long the history may lag.
const historyPatience = 30 * time.Second

// readHistory reads a page, and retries while the server is catching up.
func readHistory(ctx context.Context, c *client.Client, before client.ExecutionID) (p client.HistoryPage, err error) {
	for deadline := time.Now().Add(historyPatience); ; sleep(ctx, 100*time.Millisecond) {
		p, err = c.History(ctx, client.HistoryQuery{Before: before, Limit: 1000})
		if !errors.Is(err, client.ErrUnavailable) || time.Now().After(deadline) || ctx.Err() != nil {
			return p, err
		}
	}
}

// orderNumber returns the number in a client order id of a customer.
func orderNumber(c client.Customer, id string) (int, bool) {
	rest, ok := strings.CutPrefix(id, strconv.Itoa(int(c))+"/")
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil
}

// resendAll sends unanswered orders until they are answered.
func resendAll(ctx context.Context, addr string, traders []*trader) error {
	for _, t := range traders {
		c, _, err := t.dial(ctx, addr)
		if err != nil {
			return err
		}
		ok := t.resend(ctx, c)
		c.Close()
		if !ok {
			return fmt.Errorf("%d gets no answer to its open orders", t.customer)
		}
	}
	return nil
}

// resendAndVerify sends unanswered orders again and compares everything.
func resendAndVerify(ctx context.Context, addr string, traders []*trader) {
	check(resendAll(ctx, addr, traders))
	verifyAll(ctx, addr, traders, true)
}
