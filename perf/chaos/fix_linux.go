package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/codec/fix"
)

func fixFault() Fault {
	return Fault{
		Name: "fix", ID: "D11", Short: "kill -9 while FIX clients trade; their sessions go on",
		How: "kill -9 at random moments while FIX clients place, replace and cancel orders and an operator busts and corrects; " +
			"each client logs on again with its sequence numbers, and both sides ask for what they miss",
		Promise: "no report that a client has received is lost or differs when it is sent again, each execution, bust and correction of the " +
			"history is reported once, no order executes twice, and every number of a session is used once",
		Long: Size{Rounds: 200, Size: 16}, Gate: Size{Rounds: 6, Size: 6},
		RoundsHelp: "rounds, each with a kill",
		SizeHelp:   "FIX clients",
		Run:        runFIX,
	}
}

// fixDepth is how many orders of a client have no report at a time.
const fixDepth = 8

// runFIX does r.Rounds rounds with r.Size clients.
func runFIX(ctx context.Context, r *Run) error {
	random := r.Random()
	o := ServerOptions{Data: filepath.Join(r.Scratch, "data"), Args: []string{"--listener", "fix=127.0.0.1:0"}}
	s := must(r.Start(ctx, o))
	_, list := look(ctx, s.Addr, firstCustomer, traderKeys)
	clients := make([]*fixClient, r.Size)
	for i := range clients {
		clients[i] = newFIXClient(r, client.Customer(firstCustomer+i), list)
	}
	r.rounds(ctx, func(int) {
		timer := time.AfterFunc(time.Duration(100+random.IntN(400))*time.Millisecond, s.Kill)
		defer timer.Stop()
		tradeFIX(ctx, s, clients)
		s.Kill()
		s = must(r.Start(ctx, o))
	})
	return finishFIX(ctx, r, s, clients)
}

// tradeFIX trades until the server is gone.
func tradeFIX(ctx context.Context, s *Server, clients []*fixClient) {
	door := s.Listener("fix")
	trading, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			c.trade(trading, door, func() bool { return trading.Err() == nil })
			c.session.close()
		})
	}
	operated := make(chan struct{})
	go func() {
		defer close(operated)
		undoFIX(trading, s.Addr, clients)
	}()
	all.Wait()
	cancel()
	<-operated
	check(ctx.Err())
}

// undoFIX busts and corrects executions until ctx ends.
func undoFIX(ctx context.Context, addr string, clients []*fixClient) {
	operator, _, err := login(ctx, addr, operatorID, client.Options{})
	if err != nil {
		return // the server was killed
	}
	defer operator.Close()
	for n := 0; ctx.Err() == nil; n++ {
		c := clients[n%len(clients)]
		if id, ok := c.pick(); ok && n%2 == 0 {
			_, err = operator.Bust(ctx, id, "chaos")
		} else if ok {
			_, err = operator.Correct(ctx, client.Correction{ID: id, Quantity: 1, Price: c.list[0].LastPrice, Reason: "chaos"})
		}
		if errors.Is(err, client.ErrClosed) {
			return
		}
		sleep(ctx, 2*time.Millisecond)
	}
}

// finishFIX lets all clients receive what they miss, compares it with the histories, and writes the
// figures.
func finishFIX(ctx context.Context, r *Run, s *Server, clients []*fixClient) error {
	reports, resent, asked, gaps, busts, corrections := 0, 0, 0, 0, 0, 0
	for _, c := range clients {
		c.finish(ctx, s)
		reports += len(c.session.taken)
		resent += c.session.resent
		asked += c.session.asked
		gaps += c.session.gaps
		busts += len(c.busts)
		corrections += c.corrections
	}
	r.Figure("messages of the application received", reports, "")
	r.Figure("of these by a resend", resent, "")
	r.Figure("gaps that the clients have asked for", gaps, "")
	r.Figure("orders that the server has asked for again", asked, "")
	r.Figure("busts", busts, "")
	r.Figure("corrections", corrections, "")
	if reports < r.Rounds*r.Size || gaps == 0 || resent+asked == 0 || busts == 0 || corrections == 0 {
		return ErrTooLittle
	}
	return nil
}

// fixClient is a customer who trades over FIX, and the record of all that was reported.
type fixClient struct {
	r        *Run
	customer client.Customer
	list     []client.Instrument
	random   *rand.Rand
	session  *fixSession
	orders   int
	open     map[string]bool // ClOrdIDs without a report
	resting  []string        // ClOrdIDs of limit orders that may work

	mu          sync.Mutex
	executions  map[string]string // ExecRefID, or "" of a fill, by ExecID
	busts       map[string]bool   // by ExecRefID
	names       map[string]bool   // ExecIDs of other reports
	fills       []string          // ExecIDs that may be busted
	corrections int
}

func newFIXClient(r *Run, c client.Customer, list []client.Instrument) *fixClient {
	f := &fixClient{
		r: r, customer: c, list: list, random: r.Random(), session: newFIXSession(strconv.Itoa(int(c)), demoToken(uint32(c))),
		open: make(map[string]bool), executions: make(map[string]string), busts: make(map[string]bool), names: make(map[string]bool),
	}
	f.session.broken, f.session.take = r.Broken, f.take
	return f
}

// pick removes a fill at random.
func (c *fixClient) pick() (client.ExecutionID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fills) < 4 {
		return 0, false
	}
	n := c.random.IntN(len(c.fills))
	name := c.fills[n]
	c.fills[n] = c.fills[len(c.fills)-1]
	c.fills = c.fills[:len(c.fills)-1]
	_, text, _ := strings.Cut(name, "-")
	number, _ := strconv.ParseUint(text, 10, 32) // the server has written it
	return client.NewExecutionID(c.customer, uint32(number)), true
}

// trade logs on and trades while wanted, or until the connection ends.
func (c *fixClient) trade(ctx context.Context, addr string, wanted func() bool) {
	if err := c.session.logon(ctx, addr); err != nil {
		return // the server was killed
	}
	for wanted() {
		for len(c.open) < fixDepth {
			if c.request() != nil {
				return
			}
		}
		if err := c.session.receive(); err != nil {
			if errors.Is(err, errLoggedOut) {
				c.r.Broken("%d: %v", c.customer, err)
			}
			return
		}
	}
}

// request sends an order, or replaces or cancels one that rests.
func (c *fixClient) request() error {
	c.orders++
	name := fmt.Sprintf("%d/%08d", c.customer, c.orders)
	c.open[name] = true
	kind := c.random.IntN(8)
	if kind > 1 || len(c.resting) == 0 {
		return c.order(name, kind == 2)
	}
	n := c.random.IntN(len(c.resting))
	original := c.resting[n]
	c.resting = append(c.resting[:n], c.resting[n+1:]...)
	msgType := fix.OrderCancelRequest
	if kind == 1 {
		msgType = fix.OrderCancelReplace
		c.resting = append(c.resting, name)
	}
	in := c.list[0]
	return c.session.send(msgType, func(w *fix.Writer) {
		w.Text(fix.ClOrdID, name)
		w.Int(fix.OrderQty, int64(3-kind))
		if kind == 1 {
			w.Char(fix.OrdType, '2')
		}
		w.Text(fix.OrigClOrdID, original)
		if kind == 1 {
			w.Decimal(fix.Price, int64(restPrice(in)), 4)
		}
		c.terms(w, '1', in)
	})
}

func (c *fixClient) order(name string, rests bool) error {
	in, side, kind := c.list[c.random.IntN(len(c.list))], byte('1'+c.random.IntN(2)), byte('1')
	if rests {
		in, side, kind = c.list[0], '1', '2'
		c.resting = append(c.resting, name)
	}
	return c.session.send(fix.NewOrderSingle, func(w *fix.Writer) {
		w.Text(fix.ClOrdID, name)
		w.Int(fix.OrderQty, 1)
		w.Char(fix.OrdType, kind)
		if rests {
			w.Decimal(fix.Price, int64(restPrice(in)), 4)
		}
		c.terms(w, side, in)
	})
}

// terms appends the other fields that an order and a request for it have.
func (*fixClient) terms(w *fix.Writer, side byte, in client.Instrument) {
	w.Char(fix.Side, side)
	w.Text(fix.Symbol, in.Key.Code)
	w.Time(fix.TransactTime, time.Now().UnixNano())
	w.Text(fix.SecurityExchange, in.Key.Market)
}

// restPrice returns a price 5 % below the last one, at which a buy rests.
func restPrice(in client.Instrument) client.Price {
	steps := in.LastPrice / in.PriceTick
	return in.PriceTick * (steps - steps/20)
}

// take records a message of the application.
func (c *fixClient) take(m *fix.Message) {
	name, _ := m.Get(fix.ClOrdID)
	id, _ := m.Get(fix.ExecID)
	kind, _ := m.Get(fix.ExecType)
	ref, _ := m.Get(fixExecRefID)
	if len(kind) == 0 || kind[0] != 'G' && kind[0] != 'H' {
		delete(c.open, string(name))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case string(m.Type) != fix.ExecutionReport:
		return
	case kind[0] == 'F' || kind[0] == 'G':
		if _, again := c.executions[string(id)]; again {
			c.r.Broken("%d: execution %s was reported twice", c.customer, id)
		}
		c.executions[string(id)] = string(ref)
		if kind[0] == 'F' {
			c.fills = append(c.fills, string(id))
		} else {
			c.corrections++
		}
	case kind[0] == 'H':
		if c.busts[string(ref)] {
			c.r.Broken("%d: the bust of %s was reported twice", c.customer, ref)
		}
		c.busts[string(ref)] = true
	default:
		if c.names[string(id)] {
			c.r.Broken("%d: report %s came twice", c.customer, id)
		}
		c.names[string(id)] = true
	}
}

// finish logs on for the last time, waits for the reports of all orders, and compares with the history.
func (c *fixClient) finish(ctx context.Context, s *Server) {
	check(c.session.logon(ctx, s.Listener("fix")))
	defer c.session.close()
	for asked := false; len(c.open) > 0 || c.session.heard != "end"; {
		if len(c.open) == 0 && !asked {
			asked = true
			check(c.session.test("end"))
		}
		if err := c.session.receive(); err != nil {
			c.r.Broken("%d: %d orders have no report, such as %q: %v", c.customer, len(c.open), firstOf(c.open), err)
			break
		}
	}
	c.compare(ctx, s.Addr)
}

func firstOf(m map[string]bool) string {
	for name := range m {
		return name
	}
	return ""
}

// compare compares the record with the history.
func (c *fixClient) compare(ctx context.Context, addr string) {
	reader, _, err := login(ctx, addr, c.customer, client.Options{})
	check(err)
	defer reader.Close()
	seen, orders := 0, make(map[string]bool)
	for page := (client.HistoryPage{More: true}); page.More; {
		page = must(readHistory(ctx, reader, page.Next))
		for _, x := range page.Executions {
			seen++
			id := fixExecID(x.ID)
			ref, found := c.executions[id]
			switch {
			case !found:
				c.r.Broken("execution %s of the history was not reported", id)
			case (x.Corrects != 0) != (ref != "") || ref != "" && ref != fixExecID(x.Corrects):
				c.r.Broken("execution %s was reported with ExecRefID %q", id, ref)
			case (x.Busted && x.CorrectedBy == 0) != c.busts[id]:
				c.r.Broken("execution %s: busted %v, its bust reported %v", id, x.Busted, c.busts[id])
			}
			if x.Corrects == 0 && orders[x.ClientOrderID] {
				c.r.Broken("the order %s was executed twice", x.ClientOrderID)
			}
			orders[x.ClientOrderID] = orders[x.ClientOrderID] || x.Corrects == 0
		}
	}
	if seen != len(c.executions) {
		c.r.Broken("%d: %d executions were reported, the history has %d", c.customer, len(c.executions), seen)
	}
}

// fixExecID returns the ExecID of an execution.
func fixExecID(id client.ExecutionID) string {
	return strconv.Itoa(int(id.Customer())) + "-" + strconv.Itoa(int(id.Number()))
}
