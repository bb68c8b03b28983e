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
		Promise: "all answers fit one order of events, each between its request and its answer: accounts are linearizable",
		Long:    Size{Rounds: 200, Size: 6}, Gate: Size{Rounds: 5, Size: 6},
		Run: runLinear,
	}
}

// Of the histories of linear.
const (
	linearAccounts = 2
	linearKills    = 10  // in a history; then a new folder
	linearOps      = 150 // of one client between two kills
	linearCheck    = 2 * time.Minute
)

// linearRun is one history.
type linearRun struct {
	*Run
	data    string
	begin   time.Time
	random  *rand.Rand
	keys    []client.Key
	held    [][linearKeys]int64 // at the start, by account
	clients []*linearClient

	executed map[string]uint32 // in the end, by client order id
}

// linearClient asks one thing after the other.
type linearClient struct {
	id, account int
	random      *rand.Rand
	sent        []client.Order // may be sent again
	history     []porcupine.Operation
}

// runLinear makes r.Rounds kills with r.Size clients on each account.
func runLinear(ctx context.Context, r *Run) error {
	var kills, ops, unknown, again int
	for kills < r.Rounds {
		l := &linearRun{Run: r, data: filepath.Join(r.Scratch, fmt.Sprintf("data-%d", kills)), begin: time.Now(), random: r.Random()}
		if err := os.Mkdir(l.data, 0o755); err != nil {
			return err
		}
		for i := range linearAccounts * r.Size {
			l.clients = append(l.clients, &linearClient{id: i, account: i % linearAccounts, random: r.Random()})
		}
		n := min(linearKills, r.Rounds-kills)
		if err := l.makeHistory(ctx, n); err != nil {
			return err
		}
		history := l.gather()
		for _, o := range history {
			if o.Output.(linearOutput).unknown {
				unknown++
			}
			if o.Input.(linearInput).repeated {
				again++
			}
		}
		if err := l.check(history, kills); err != nil {
			return err
		}
		kills, ops = kills+n, ops+len(history)
		r.Progress(kills, r.Rounds, "kills")
		if err := os.RemoveAll(l.data); err != nil {
			return err
		}
	}
	r.Figure("operations", ops, "")
	r.Figure("executed without an answer", unknown, "")
	r.Figure("of orders sent more than once", again, "")
	if ops < 20*r.Rounds || unknown == 0 || again == 0 {
		return ErrTooLittle
	}
	return nil
}

// makeHistory lets the clients work over some kills, and once to the end.
func (l *linearRun) makeHistory(ctx context.Context, kills int) error {
	for i := range kills + 1 {
		s, err := l.Start(ctx, ServerOptions{Data: l.data})
		if err != nil {
			return err
		}
		if l.held == nil {
			if err := l.look(ctx, s.Addr); err != nil {
				return err
			}
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
			err = l.lookBack(ctx, s.Addr)
		}
		s.Kill()
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

func linearCustomer(account int) client.Customer { return client.Customer(100_001 + account) }

func (l *linearRun) login(ctx context.Context, addr string, account int) (*client.Client, client.Snapshot, error) {
	c, err := client.Dial(ctx, addr, client.Options{})
	if err != nil {
		return nil, client.Snapshot{}, err
	}
	s, err := c.Login(ctx, linearCustomer(account), client.DemoToken(linearCustomer(account)))
	if err != nil {
		c.Close()
	}
	return c, s, err
}

// look finds out what the accounts begin with.
func (l *linearRun) look(ctx context.Context, addr string) error {
	for account := range linearAccounts {
		c, s, err := l.login(ctx, addr, account)
		if err != nil {
			return err
		}
		instruments, err := c.Quotes(ctx, nil, false)
		c.Close()
		if err != nil {
			return err
		}
		l.keys = nil
		for _, i := range instruments[:linearKeys] {
			l.keys = append(l.keys, i.Key)
		}
		l.held = append(l.held, heldOf(s.Positions, l.keys))
	}
	return nil
}

// work asks until the connection is over.
func (l *linearRun) work(ctx context.Context, addr string, lc *linearClient) {
	c, _, err := l.login(ctx, addr, lc.account)
	if err != nil {
		return // killed meanwhile
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

func (l *linearRun) now() int64 { return int64(time.Since(l.begin)) }

// read asks for positions. Without an answer it says nothing.
func (l *linearRun) read(ctx context.Context, c *client.Client, lc *linearClient) error {
	begin := l.now()
	s, err := c.Positions(ctx)
	if err != nil {
		return err
	}
	lc.history = append(lc.history, porcupine.Operation{
		ClientId: lc.id, Call: begin, Return: l.now(),
		Input: linearInput{account: lc.account, read: true}, Output: linearOutput{positions: heldOf(s.Positions, l.keys)},
	})
	return nil
}

// order sends a new order, or one of the last ones again.
func (l *linearRun) order(ctx context.Context, c *client.Client, lc *linearClient) error {
	o, in := l.next(lc)
	begin := l.now()
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
	lc.history = append(lc.history, porcupine.Operation{ClientId: lc.id, Call: begin, Return: end, Input: in, Output: out})
	return err
}

// next makes an order, one in five times one of the last eight again.
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

// gather puts the histories of all clients together.
func (l *linearRun) gather() (all []porcupine.Operation) {
	for _, c := range l.clients {
		all = append(all, c.history...)
	}
	return settle(all, l.executed)
}

// lookBack reads what has been executed.
func (l *linearRun) lookBack(ctx context.Context, addr string) error {
	l.executed = make(map[string]uint32)
	for account := range linearAccounts {
		c, _, err := l.login(ctx, addr, account)
		if err != nil {
			return err
		}
		err = l.lookThrough(ctx, c)
		c.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *linearRun) lookThrough(ctx context.Context, c *client.Client) error {
	for before := client.ExecutionID(0); ; {
		page, err := c.History(ctx, client.HistoryQuery{Before: before, Limit: 1000})
		if err != nil {
			return err
		}
		for _, x := range page.Executions {
			l.executed[x.ClientOrderID], before = x.ID.Number(), x.ID
		}
		if !page.More {
			return nil
		}
	}
}

func (l *linearRun) check(history []porcupine.Operation, kills int) error {
	switch porcupine.CheckOperationsTimeout(linearModel(l.held), history, linearCheck) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		l.Broken("the history of %d operations behind kill %d is not linearizable", len(history), kills)
		return nil
	default:
		return fmt.Errorf("chaos: no verdict on a history of %d operations within %v", len(history), linearCheck)
	}
}
