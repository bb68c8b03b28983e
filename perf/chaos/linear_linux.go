package chaos

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"holdfast/biz/client"
)

func linearFault() Fault {
	return Fault{
		Name: "linear", ID: "D1", Short: "orders, repeats and reads over kill -9, checked by porcupine",
		How:     "orders, the same orders again, and reads by several clients of the same accounts, over kill -9, checked by porcupine",
		Promise: "all replies fit one order of events, each between its request and its reply: accounts are linearizable",
		Long:    Size{Rounds: 200, Size: 6}, Gate: Size{Rounds: 5, Size: 6},
		RoundsHelp: "kills",
		SizeHelp:   "clients of each account",
		Run:        runLinear,
	}
}

// Parameters of the histories of linear.
const (
	linearAccounts = 2
	linearKills    = 10  // per history; then a new folder
	linearOps      = 150 // per client between two kills
	linearCheck    = 2 * time.Minute
)

// linearRun is one history.
type linearRun struct {
	*Run
	data    string
	start   time.Time
	random  *rand.Rand
	keys    []client.Key
	held    [][linearKeys]int64 // at the start, by account
	clients []*linearClient

	executed map[string]uint32 // at the end, by client order id
}

// linearClient sends one request after the other.
type linearClient struct {
	id, account int
	random      *rand.Rand
	sent        []client.Order // may be sent again
	history     []porcupine.Operation
}

// runLinear kills the server r.Rounds times, with r.Size clients on each account.
func runLinear(ctx context.Context, r *Run) error {
	var kills, ops, unknown, again int
	for kills < r.Rounds {
		l := &linearRun{Run: r, data: filepath.Join(r.Scratch, fmt.Sprintf("data-%d", kills)), start: time.Now(), random: r.Random()}
		for i := range linearAccounts * r.Size {
			l.clients = append(l.clients, &linearClient{id: i, account: i % linearAccounts, random: r.Random()})
		}
		n := min(linearKills, r.Rounds-kills)
		l.makeHistory(ctx, n)
		history := l.gather()
		for _, o := range history {
			if o.Output.(linearOutput).unknown {
				unknown++
			}
			if o.Input.(linearInput).repeated {
				again++
			}
		}
		l.check(history, kills)
		kills, ops = kills+n, ops+len(history)
		r.Progress(kills, r.Rounds, "kills")
		check(os.RemoveAll(l.data))
	}
	r.Figure("operations", ops, "")
	r.Figure("operations without a reply", unknown, "")
	r.Figure("operations that repeat an order", again, "")
	if ops < 20*r.Rounds || unknown == 0 || again == 0 {
		return ErrTooLittle
	}
	return nil
}

// makeHistory runs the clients over some kills, and once until they are done.
func (l *linearRun) makeHistory(ctx context.Context, kills int) {
	for i := range kills + 1 {
		s := must(l.Start(ctx, ServerOptions{Data: l.data}))
		if l.held == nil {
			l.look(ctx, s.Addr)
		}
		kill := func() {}
		if i < kills {
			timer := time.AfterFunc(time.Duration(10+l.random.IntN(150))*time.Millisecond, s.Kill)
			kill = func() { timer.Stop() }
		}
		var work sync.WaitGroup
		for _, c := range l.clients {
			work.Go(func() { l.work(ctx, s.Addr, c) })
		}
		work.Wait()
		kill()
		if i == kills {
			l.lookBack(ctx, s.Addr)
		}
		s.Kill()
		check(ctx.Err())
	}
}

func linearCustomer(account int) client.Customer { return client.Customer(firstCustomer + account) }

// look reads the accounts' positions at the start.
func (l *linearRun) look(ctx context.Context, addr string) {
	for account := range linearAccounts {
		s, keys := look(ctx, addr, linearCustomer(account), linearKeys)
		l.keys = keys
		l.held = append(l.held, heldOf(s.Positions, keys))
	}
}

// work sends requests until the connection ends.
func (l *linearRun) work(ctx context.Context, addr string, lc *linearClient) {
	c, _, err := login(ctx, addr, linearCustomer(lc.account), client.Options{})
	if err != nil {
		return // the server was killed
	}
	defer c.Close()
	for range linearOps {
		if lc.random.IntN(3) == 0 {
			err = l.read(ctx, c, lc)
		} else {
			err = l.order(ctx, c, lc)
		}
		if err != nil {
			return
		}
	}
}

func (l *linearRun) now() int64 { return int64(time.Since(l.start)) }

// read requests positions. A read without an answer is not recorded.
func (l *linearRun) read(ctx context.Context, c *client.Client, lc *linearClient) error {
	start := l.now()
	s, err := c.Positions(ctx)
	if err != nil {
		return err
	}
	lc.history = append(lc.history, porcupine.Operation{
		ClientId: lc.id, Call: start, Return: l.now(),
		Input: linearInput{account: lc.account, read: true}, Output: linearOutput{positions: heldOf(s.Positions, l.keys)},
	})
	return nil
}

// order sends a new order, or repeats a recent one.
func (l *linearRun) order(ctx context.Context, c *client.Client, lc *linearClient) error {
	o, in := l.next(lc)
	start := l.now()
	placed, err := c.PlaceOrder(ctx, o)
	end := l.now()
	var out linearOutput
	var refused *client.Error
	switch {
	case err == nil:
		out = linearOutput{duplicate: placed.Duplicate, execution: placed.Executions[0].ID.Number(), held: int64(placed.Position.Quantity)}
	case errors.As(err, &refused) && errors.Is(err, client.ErrRejected):
		out = linearOutput{refused: true, short: refused.Reason == client.ReasonNotEnoughShares}
		err = nil
	default:
		out, end = linearOutput{unknown: true}, math.MaxInt64
	}
	lc.history = append(lc.history, porcupine.Operation{ClientId: lc.id, Call: start, Return: end, Input: in, Output: out})
	return err
}

// next returns a new order, or in one of five cases one of the last eight.
func (l *linearRun) next(lc *linearClient) (client.Order, linearInput) {
	if len(lc.sent) > 0 && lc.random.IntN(5) == 0 {
		last := lc.sent[max(0, len(lc.sent)-8):]
		return l.input(lc, last[lc.random.IntN(len(last))])
	}
	o := client.Order{
		ClientOrderID: fmt.Sprintf("%d-%d", lc.id, len(lc.sent)), Side: client.Buy,
		Key: l.keys[lc.random.IntN(linearKeys)], Quantity: client.Quantity(1 + lc.random.IntN(50)),
	}
	if lc.random.IntN(2) == 0 {
		o.Side = client.Sell
	}
	lc.sent = append(lc.sent, o)
	return l.input(lc, o)
}

func (l *linearRun) input(lc *linearClient, o client.Order) (client.Order, linearInput) {
	in := linearInput{account: lc.account, order: o.ClientOrderID, sell: o.Side == client.Sell, quantity: int64(o.Quantity)}
	for i, key := range l.keys {
		if key == o.Key {
			in.key = i
		}
	}
	return o, in
}

// gather joins the histories of all clients.
func (l *linearRun) gather() (all []porcupine.Operation) {
	for _, c := range l.clients {
		all = append(all, c.history...)
	}
	return checkable(all, l.executed)
}

// lookBack reads the executions from the history.
func (l *linearRun) lookBack(ctx context.Context, addr string) {
	l.executed = make(map[string]uint32)
	for account := range linearAccounts {
		l.lookThrough(ctx, addr, linearCustomer(account))
	}
}

func (l *linearRun) lookThrough(ctx context.Context, addr string, customer client.Customer) {
	c, _, err := login(ctx, addr, customer, client.Options{})
	check(err)
	defer c.Close()
	for page, before := (client.HistoryPage{More: true}), client.ExecutionID(0); page.More; {
		page = must(c.History(ctx, client.HistoryQuery{Before: before, Limit: 1000}))
		for _, x := range page.Executions {
			l.executed[x.ClientOrderID], before = x.ID.Number(), x.ID
		}
	}
}

func (l *linearRun) check(history []porcupine.Operation, kills int) {
	switch porcupine.CheckOperationsTimeout(linearModel(l.held), history, linearCheck) {
	case porcupine.Ok:
	case porcupine.Illegal:
		l.Broken("the history of %d operations after kill %d is not linearizable", len(history), kills)
	default:
		check(fmt.Errorf("chaos: no verdict on a history of %d operations within %v", len(history), linearCheck))
	}
}
