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

// traderKeys is how many instruments a trader buys and sells.
const traderKeys = 5

// Of the orders that were acknowledged.
const (
	doubleShare = 10 // one in so many is sent again
	bustShare   = 40 // one in so many is taken back
)

// doubleReach is how far back an order may be that is sent again. The server
// knows a client order id for the last 256 events of the account.
const doubleReach = 64

// A trader is one customer who trades at random over several connections and keeps
// a ledger of what the server has acknowledged.
type trader struct {
	r        *Run
	customer client.Customer
	workers  int // orders under way at once
	limit    int // orders it makes; 0: none
	busts    bool
	options  client.Options // of its connections

	mu     sync.Mutex
	random *rand.Rand
	ledger *ledger
	open   []client.Order // no answer yet: to be sent again
	recent []client.Order // acknowledged, the newest last; at most doubleReach
	counts traderCounts
}

// traderCounts is what a trader has done.
type traderCounts struct {
	acked, doubles, resent, known, busts, refused, unavailable int
}

func (c *traderCounts) add(d traderCounts) {
	c.acked += d.acked
	c.doubles += d.doubles
	c.resent += d.resent
	c.known += d.known
	c.busts += d.busts
	c.refused += d.refused
	c.unavailable += d.unavailable
}

// newTraders gives n customers of the shipped seed.
func (r *Run) newTraders(n int) []*trader {
	var all []*trader
	for i := range n {
		c := client.Customer(100_001 + i)
		all = append(all, &trader{r: r, customer: c, workers: 4, random: r.Random(), ledger: newLedger(r, c)})
	}
	return all
}

// countAll adds up what traders have done.
func countAll(traders []*trader) (sum traderCounts) {
	for _, t := range traders {
		t.mu.Lock()
		sum.add(t.counts)
		t.mu.Unlock()
	}
	return sum
}

// rememberAll has each trader look at the account before anything is traded.
func rememberAll(ctx context.Context, addr string, traders []*trader) error {
	for _, t := range traders {
		if err := t.rememberStart(ctx, addr); err != nil {
			return err
		}
	}
	return nil
}

func (t *trader) dial(ctx context.Context, addr string) (*client.Client, client.Snapshot, error) {
	c, err := client.Dial(ctx, addr, t.options)
	if err != nil {
		return nil, client.Snapshot{}, err
	}
	s, err := c.Login(ctx, t.customer, client.DemoToken(t.customer))
	if err != nil {
		c.Close()
	}
	return c, s, err
}

func (t *trader) rememberStart(ctx context.Context, addr string) error {
	c, s, err := t.dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	instruments, err := c.Quotes(ctx, nil, false)
	if err != nil {
		return err
	}
	for _, i := range instruments[:traderKeys] {
		t.ledger.keys = append(t.ledger.keys, i.Key)
	}
	t.ledger.begin(s)
	return nil
}

// tradeAll lets all of them trade until the server is gone or ctx has ended.
func tradeAll(ctx context.Context, addr string, traders []*trader) {
	var all sync.WaitGroup
	for _, t := range traders {
		all.Go(func() { t.trade(ctx, addr) })
	}
	all.Wait()
}

// trade sends again what has no answer and some of what has one, then new orders,
// until the connection or ctx is over.
func (t *trader) trade(ctx context.Context, addr string) {
	c, _, err := t.dial(ctx, addr)
	if err != nil {
		return // killed meanwhile
	}
	defer c.Close()
	operator := t.dialOperator(ctx, addr)
	if operator != nil {
		defer operator.Close()
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

// operatorID is the operator of the shipped seed.
const operatorID client.Customer = 900_001

// dialOperator gives the connection that busts, nil where there is to be none.
func (t *trader) dialOperator(ctx context.Context, addr string) *client.Client {
	if !t.busts {
		return nil
	}
	c, err := client.Dial(ctx, addr, client.Options{})
	if err != nil {
		return nil
	}
	if _, err := c.Login(ctx, operatorID, client.DemoToken(operatorID)); err != nil {
		c.Close()
		return nil
	}
	return c
}

// resend settles what was open when the last connection ended; false when this
// one is over too.
func (t *trader) resend(ctx context.Context, c *client.Client) bool {
	t.mu.Lock()
	open := t.open
	t.open = nil
	again := append([]client.Order(nil), t.recent[max(0, len(t.recent)-4):]...)
	t.mu.Unlock()
	for i, o := range open {
		if _, ok := t.place(ctx, c, o, unsettled); !ok {
			t.mu.Lock()
			t.open = append(t.open, open[i+1:]...)
			t.mu.Unlock()
			return false
		}
	}
	for _, o := range again { // acknowledged before the restart
		if _, ok := t.place(ctx, c, o, settled); !ok {
			return false
		}
	}
	return true
}

// wantsMore tells whether the limit leaves more orders to make.
func (t *trader) wantsMore() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit == 0 || t.ledger.orders() < t.limit
}

// step places one order, and perhaps the same once more, or takes it back.
func (t *trader) step(ctx context.Context, c, operator *client.Client) bool {
	o := t.newOrder()
	execution, ok := t.place(ctx, c, o, fresh)
	if ok && execution == 0 {
		sleep(ctx, time.Millisecond) // it was refused: the next one may be, too
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
		_, ok = t.place(ctx, c, again, settled)
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

// kind says what is known of an order that is sent.
type kind int

const (
	fresh     kind = iota // never sent
	unsettled             // sent, no answer
	settled               // acknowledged
)

// place sends an order and notes the answer. It gives the execution, 0 for an order
// that was refused, and false when the connection is over.
func (t *trader) place(ctx context.Context, c *client.Client, o client.Order, k kind) (client.ExecutionID, bool) {
	placed, err := c.PlaceOrder(ctx, o)
	t.mu.Lock()
	defer t.mu.Unlock()
	if k == unsettled {
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
		if k != settled {
			t.open = append(t.open, o)
		}
		return 0, false
	}
}

// acknowledged notes an order that was executed. The caller holds t.mu.
func (t *trader) acknowledged(o client.Order, p client.Placed, k kind) {
	x := p.Executions[0]
	if x.Quantity != o.Quantity || x.Side != o.Side || x.Key != o.Key || x.ClientOrderID != o.ClientOrderID {
		t.r.Broken("order %v was answered with the execution %v", o, x)
	}
	switch {
	case k == fresh && p.Duplicate:
		t.r.Broken("%s is said to be a duplicate and was sent once", o.ClientOrderID)
	case k == settled && !p.Duplicate:
		t.r.Broken("%s was acknowledged and is executed once more as %v", o.ClientOrderID, x.ID)
	case k == settled:
		t.counts.doubles++
	case p.Duplicate:
		t.counts.known++
	}
	t.ledger.acknowledge(x)
	if k == settled {
		return
	}
	t.counts.acked++
	if len(t.recent) == doubleReach {
		t.recent = append(t.recent[:0], t.recent[1:]...)
	}
	t.recent = append(t.recent, o)
}

// turnedDown notes an order that was not executed; false when this connection has
// no more to say. The caller holds t.mu.
func (t *trader) turnedDown(o client.Order, err error, k kind) bool {
	if k == settled && errors.Is(err, client.ErrRejected) {
		t.r.Broken("%s was acknowledged, and then refused: %v", o.ClientOrderID, err)
		return true
	}
	switch {
	case errors.Is(err, client.ErrRejected): // not enough shares, say
		t.counts.refused++
		t.ledger.refuse(o.ClientOrderID)
	case k == fresh:
		t.counts.unavailable++
		t.ledger.refuse(o.ClientOrderID)
	case k == settled:
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
	case !errors.Is(err, client.ErrRejected): // later sells stand in the way
		t.ledger.bust(id, false)
	}
}

// verifyTimeout bounds one look at an account.
const verifyTimeout = 2 * time.Minute

// verifyAll compares what the server has with what the traders were told: the
// newest part of the histories, or all.
func verifyAll(ctx context.Context, addr string, traders []*trader, whole bool) error {
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
	return errors.Join(all...)
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
		t.r.Broken("the history of %d was not to be had for %v: %v", t.customer, historyPatience, err)
		return nil
	} else if err != nil {
		return fmt.Errorf("history of %d: %w", t.customer, err)
	}
	t.ledger.compare(snapshot)
	return nil
}

// historyPatience is how long a history may be behind.
const historyPatience = 30 * time.Second

// readHistory reads a page, and asks again while the server is catching up.
func readHistory(ctx context.Context, c *client.Client, before client.ExecutionID) (p client.HistoryPage, err error) {
	for end := time.Now().Add(historyPatience); ; sleep(ctx, 100*time.Millisecond) {
		p, err = c.History(ctx, client.HistoryQuery{Before: before, Limit: 1000})
		if !errors.Is(err, client.ErrUnavailable) || time.Now().After(end) || ctx.Err() != nil {
			return p, err
		}
	}
}

// orderNumber takes the number from a client order id of a customer.
func orderNumber(c client.Customer, id string) (int, bool) {
	rest, ok := strings.CutPrefix(id, strconv.Itoa(int(c))+"/")
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil
}

// settleAll sends what has no answer until it has one.
func settleAll(ctx context.Context, addr string, traders []*trader) error {
	for _, t := range traders {
		c, _, err := t.dial(ctx, addr)
		if err != nil {
			return err
		}
		ok := t.resend(ctx, c)
		c.Close()
		if !ok {
			return fmt.Errorf("%d can't settle its open orders", t.customer)
		}
	}
	return nil
}
