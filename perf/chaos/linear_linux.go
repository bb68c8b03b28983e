package chaos

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"holdfast/biz/client"
)

func linearFault() Fault {
	return Fault{
		Name: "linear", ID: "D1", Short: "orders, cancels and reads over kill -9, checked by porcupine",
		How: "market and resting orders, the same orders again, cancels, replacements and reads by several clients of the same accounts, " +
			"over kill -9, checked by porcupine",
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
	linearResting  = 3   // orders of a client
	linearCheck    = 2 * time.Minute
)

// linearRun is one history.
type linearRun struct {
	*Run
	data    string
	first   client.Customer                               // of account 0
	traded  func([]client.Instrument) []client.Instrument // chooses from the quotes; linearKeys at least
	resends bool                                          // the server may send a request again itself: see linearInput
	start   time.Time
	random  *rand.Rand
	keys    []client.Key
	market  []client.Instrument // of the keys
	held    [][linearKeys]int64 // at the start, by account
	clients []*linearClient

	ends map[linearName]linearEnd
}

// linearClient sends one request after the other.
type linearClient struct {
	id, account int
	random      *rand.Rand
	sent        []client.Order // may be sent again
	replaced    int64
	resting     []linearInput // acknowledged orders that work; target is their number
	history     []porcupine.Operation
}

// runLinear kills the server r.Rounds times, with r.Size clients on each account.
func runLinear(ctx context.Context, r *Run) error {
	var kills int
	var sum linearCounts
	for kills < r.Rounds {
		l := r.newLinear(firstCustomer, r.Size)
		l.data = filepath.Join(r.Scratch, fmt.Sprintf("data-%d", kills))
		n := min(linearKills, r.Rounds-kills)
		l.makeHistory(ctx, n)
		history := l.gather()
		sum.add(history)
		l.check(history, fmt.Sprintf("kill %d", kills))
		kills += n
		r.Progress(kills, r.Rounds, "kills")
		check(os.RemoveAll(l.data))
	}
	r.Figure("operations", sum.ops, "")
	r.Figure("cancels and replacements", sum.changes, "")
	r.Figure("operations without a reply", sum.unknown, "")
	r.Figure("operations that repeat an order", sum.again, "")
	if sum.ops < 20*r.Rounds || sum.changes < r.Rounds || sum.unknown == 0 || sum.again == 0 {
		return ErrTooLittle
	}
	return nil
}

// linearCounts counts the operations of histories.
type linearCounts struct{ ops, changes, unknown, again int }

func (c *linearCounts) add(history []porcupine.Operation) {
	c.ops += len(history)
	for _, o := range history {
		if o.Output.(linearOutput).unknown {
			c.unknown++
		}
		if o.Input.(linearInput).repeated {
			c.again++
		}
		if kind := o.Input.(linearInput).kind; kind == linearCancel || kind == linearReplace {
			c.changes++
		}
	}
}

// newLinear returns a history without operations, with a number of clients on each account. first is
// the customer of the first account.
func (r *Run) newLinear(first client.Customer, clients int) *linearRun {
	l := &linearRun{Run: r, first: first, start: time.Now(), random: r.Random()}
	l.traded = func(quotes []client.Instrument) []client.Instrument { return quotes }
	for i := range linearAccounts * clients {
		l.clients = append(l.clients, &linearClient{id: i, account: i % linearAccounts, random: r.Random()})
	}
	return l
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
			work.Go(func() { l.work(ctx, s.Addr, c, func(sent int) bool { return sent < linearOps }) })
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

func (l *linearRun) customer(account int) client.Customer { return l.first + client.Customer(account) }

// look reads the accounts' positions at the start.
func (l *linearRun) look(ctx context.Context, addr string) {
	for account := range linearAccounts {
		s, list := look(ctx, addr, l.customer(account), shippedInstruments)
		l.market = l.traded(list)[:linearKeys]
		l.keys = keysOf(l.market)
		held, _ := heldOf(s.Positions, l.keys)
		l.held = append(l.held, held)
	}
}

// work sends requests until the connection ends, or goesOn returns false for their number.
func (l *linearRun) work(ctx context.Context, addr string, lc *linearClient, goesOn func(sent int) bool) {
	c, _, err := login(ctx, addr, l.customer(lc.account), client.Options{})
	if err != nil {
		return // the server was killed
	}
	defer c.Close()
	for sent := 0; goesOn(sent); sent++ {
		switch roll := lc.random.IntN(10); {
		case roll < 3:
			err = l.read(ctx, c, lc)
		case roll < 5 && len(lc.resting) > 0:
			err = l.cancel(ctx, c, lc)
		case roll < 6 && len(lc.resting) > 0:
			err = l.replace(ctx, c, lc)
		default:
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
	end := l.now()
	if err != nil {
		return err
	}
	out := linearOutput{working: s.Account.WorkingOrders}
	out.positions, out.frozen = heldOf(s.Positions, l.keys)
	lc.history = append(lc.history, porcupine.Operation{
		ClientId: lc.id, Call: start, Return: end,
		Input: linearInput{account: lc.account, kind: linearRead}, Output: out,
	})
	return nil
}

// change sends a cancel or a replacement of an order, and records the answer. It returns whether
// the order works on.
func (l *linearRun) change(lc *linearClient, in linearInput, send func() error) (works bool, err error) {
	start := l.now()
	err = send()
	end := l.now()
	var out linearOutput
	switch reason := reasonOf(err); {
	case err == nil:
		works = in.kind == linearReplace
	case reason == client.ReasonTooLate:
		out.late, err = true, nil
	case reason != 0:
		out.refused, out.short, works, err = true, isShort(reason), true, nil
	default:
		out.unknown, end = true, math.MaxInt64
	}
	lc.history = append(lc.history, porcupine.Operation{ClientId: lc.id, Call: start, Return: end, Input: in, Output: out})
	return works, err
}

func isShort(r client.Reason) bool {
	return r == client.ReasonNotEnoughShares || r == client.ReasonNotEnoughSellable
}

// cancel cancels a resting order. One that has no answer is sent again over the next connection.
func (l *linearRun) cancel(ctx context.Context, c *client.Client, lc *linearClient) error {
	at := lc.random.IntN(len(lc.resting))
	in := lc.resting[at]
	in.kind = linearCancel
	_, err := l.change(lc, in, func() error {
		_, err := c.CancelOrder(ctx, client.OrderRef{ID: client.NewOrderID(l.customer(lc.account), in.target)})
		return err
	})
	if err == nil {
		lc.resting = slices.Delete(lc.resting, at, at+1)
	}
	return err
}

// replace changes the quantity of a resting order. The order is left alone if there is no answer.
func (l *linearRun) replace(ctx context.Context, c *client.Client, lc *linearClient) error {
	at := lc.random.IntN(len(lc.resting))
	in := lc.resting[at]
	in.kind = linearReplace
	lc.replaced++
	in.quantity = 1000 + lc.replaced // so that it is known whether it has happened
	if in.sell {
		in.quantity = 50 + lc.replaced
	}
	works, err := l.change(lc, in, func() error {
		_, err := c.ReplaceOrder(ctx, client.Replacement{
			ID: client.NewOrderID(l.customer(lc.account), in.target), Quantity: client.Quantity(in.quantity),
		})
		return err
	})
	if err != nil || !works {
		lc.resting = slices.Delete(lc.resting, at, at+1)
	}
	return err
}

// order sends a new order, or repeats a recent one.
func (l *linearRun) order(ctx context.Context, c *client.Client, lc *linearClient) error {
	o, in := l.next(lc)
	start := l.now()
	placed, err := c.PlaceOrder(ctx, o)
	end := l.now()
	var out linearOutput
	switch reason := reasonOf(err); {
	case err == nil:
		out = linearOutput{duplicate: placed.Duplicate, order: placed.Order.Number(), held: int64(placed.Position.Quantity)}
		for _, x := range placed.Executions {
			out.execution = x.ID.Number()
		}
		if in.kind == linearRest && !placed.Duplicate {
			rests := in
			rests.target = out.order
			lc.resting = append(lc.resting, rests)
		}
	case reason != 0:
		out = linearOutput{refused: true, short: isShort(reason)}
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
	if lc.random.IntN(2) == 0 && len(lc.resting) < linearResting {
		o.TimeInForce = client.GoodTillCancelled
		i := l.market[slices.Index(l.keys, o.Key)]
		o.Price = i.LastPrice - 100*i.PriceTick
		if o.Side == client.Sell {
			o.Price = i.LastPrice + 100*i.PriceTick
		}
	}
	lc.sent = append(lc.sent, o)
	return l.input(lc, o)
}

func (l *linearRun) input(lc *linearClient, o client.Order) (client.Order, linearInput) {
	in := linearInput{
		account: lc.account, resends: l.resends, order: o.ClientOrderID, sell: o.Side == client.Sell, quantity: int64(o.Quantity),
		key: slices.Index(l.keys, o.Key),
	}
	if o.Price > 0 {
		in.kind = linearRest
	}
	return o, in
}

// gather joins the histories of all clients.
func (l *linearRun) gather() (all []porcupine.Operation) {
	for _, c := range l.clients {
		all = append(all, c.history...)
	}
	return checkable(all, l.ends)
}

// lookBack reads the orders that have requests without an answer, and their executions.
func (l *linearRun) lookBack(ctx context.Context, addr string) {
	l.ends = make(map[linearName]linearEnd)
	for account := range linearAccounts {
		l.lookThrough(ctx, addr, account)
	}
}

func (l *linearRun) lookThrough(ctx context.Context, addr string, account int) {
	c, _, err := login(ctx, addr, l.customer(account), client.Options{})
	check(err)
	defer c.Close()
	executed := make(map[client.OrderID]uint32)
	for page, before := (client.HistoryPage{More: true}), client.ExecutionID(0); page.More; {
		page = must(readHistory(ctx, c, before))
		for _, x := range page.Executions {
			executed[x.Order], before = x.ID.Number(), x.ID
		}
	}
	for _, lc := range l.clients {
		for _, operation := range lc.history {
			in, out := operation.Input.(linearInput), operation.Output.(linearOutput)
			if in.account != account || !out.unknown {
				continue
			}
			o, err := patiently(ctx, func() (client.OrderState, error) {
				return c.FindOrder(ctx, client.OrderRef{ClientOrderID: in.order})
			})
			switch {
			case reasonOf(err) == client.ReasonUnknownOrder:
			case err != nil:
				check(err)
			default:
				l.ends[in.name()] = linearEnd{o.ID.Number(), executed[o.ID], o.Status == client.StatusCancelled, int64(o.Quantity)}
			}
		}
	}
}

// check checks a history; after says what happened before its end.
func (l *linearRun) check(history []porcupine.Operation, after string) {
	switch porcupine.CheckOperationsTimeout(linearModel(l.held), history, linearCheck) {
	case porcupine.Ok:
	case porcupine.Illegal:
		l.Broken("the history of %d operations after %s is not linearizable", len(history), after)
	default:
		check(fmt.Errorf("chaos: no verdict on a history of %d operations within %v", len(history), linearCheck))
	}
}
