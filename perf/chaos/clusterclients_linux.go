package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast/biz/client"
)

// probe places small orders at a node that is not a victim, one after the other, until ctx ends. It returns
// the longest time that an order has waited.
func (k *clusterRun) probe(ctx context.Context, at *clusterNode, i int, kind clusterKind) (longest time.Duration) {
	customer := client.Customer(firstCustomer + customers - 1 - i)
	ended := func(what string, since time.Time, err error) time.Duration {
		switch {
		case ctx.Err() != nil:
			return longest
		case k.network:
			k.ended.Add(1)
		default:
			k.Broken("%s: %s of %d at a node that lives: %v", kind.name, what, customer, err)
		}
		return max(longest, time.Since(since))
	}
	opened := time.Now()
	c, _, err := login(ctx, at.listen, customer, client.Options{Timeout: clusterProbeLimit})
	if err != nil {
		return ended("login", opened, err)
	}
	defer c.Close()
	instruments, err := c.Quotes(ctx, nil, false)
	for n := 0; ctx.Err() == nil; n++ {
		start := time.Now()
		if err == nil {
			o := client.Order{
				ClientOrderID: fmt.Sprintf("probe-%d-%d", start.UnixNano(), n), Key: instruments[0].Key, Quantity: 1,
				Side: []client.Side{client.Buy, client.Sell}[n%2],
			}
			_, err = c.PlaceOrder(ctx, o)
		}
		switch {
		case ctx.Err() != nil:
		case err == nil, errors.Is(err, client.ErrRejected):
			err = nil
			longest = max(longest, time.Since(start))
		default:
			return ended("end of a session", start, err)
		}
		sleep(ctx, clusterProbePause)
	}
	return longest
}

// Parameters of the histories that are checked for linearizability.
const (
	clusterHistory = 5  // rounds of a history, at least
	clusterLinear  = 3  // clients of each account
	clusterAsks    = 30 // requests before a client goes to the next node
	clusterAskTime = 5 * time.Millisecond
	clusterLate    = 3 * time.Second // how long a request that has lost its session may still be on its way
)

// clusterHistories makes one history after the other, each on accounts that nobody else uses.
type clusterHistories struct {
	k       *clusterRun
	next    client.Customer // of the next history
	last    client.Customer // that may be used
	rounds  int             // of each history
	now     *linearRun      // nil: none has been started
	done    int             // rounds of it
	made    int
	counted linearCounts
}

func newClusterHistories(k *clusterRun, first, last client.Customer) *clusterHistories {
	h := &clusterHistories{k: k, next: first, last: last}
	most := int(last-first+1) / linearAccounts
	if most < 1 {
		check(fmt.Errorf("%w: with %d customers who trade, none are left for others", ErrTooLittle, k.Size))
	}
	h.rounds = max(clusterHistory, (k.Rounds+most-1)/most)
	return h
}

// start starts a history, unless one is unfinished.
func (h *clusterHistories) start(ctx context.Context, addr string) {
	if h.now != nil {
		return
	}
	h.now, h.done = h.k.newLinear(h.next, clusterLinear), 0
	h.now.resends, h.now.traded = true, h.k.quiet
	h.next += linearAccounts
	h.now.look(ctx, addr)
}

// work sends requests until trading ends. Those that are under way then get their answers.
func (h *clusterHistories) work(ctx, trading context.Context) {
	var all sync.WaitGroup
	for i, lc := range h.now.clients {
		all.Go(func() {
			for n := i; trading.Err() == nil; n++ {
				h.now.work(ctx, h.k.nodes[n%clusterNodes].listen, lc, func(sent int) bool {
					sleep(trading, clusterAskTime)
					return sent < clusterAsks && trading.Err() == nil
				})
				sleep(trading, 20*time.Millisecond)
			}
		})
	}
	all.Wait()
}

// end ends a round. After the last one of a history, it checks the history.
func (h *clusterHistories) end(ctx context.Context, addr string, last bool, after string) {
	if h.done++; h.done < h.rounds && !last {
		return
	}
	sleep(ctx, clusterLate)
	h.now.lookBack(ctx, addr)
	history := h.now.gather()
	h.counted.add(history)
	h.now.check(history, after)
	h.made++
	h.now = nil
}

func (h *clusterHistories) figures() {
	h.k.Figure("histories checked for linearizability", h.made, "")
	h.k.Figure("operations in them", h.counted.ops, "")
	h.k.Figure("of these cancels and replacements", h.counted.changes, "")
	h.k.Figure("of these without a reply", h.counted.unknown, "")
}

// quiet returns the instruments whose prices are not moved, and which offer any quantity.
func (k *clusterRun) quiet(quotes []client.Instrument) []client.Instrument {
	return slices.DeleteFunc(slices.Clone(quotes[traderKeys:]), func(i client.Instrument) bool {
		return k.traders[0].prices.depths[i.Key.Code] > 0
	})
}

// racer is a client that sends each order to all nodes at once.
type racer struct {
	k        *clusterRun
	customer client.Customer
	conns    [clusterNodes]*client.Client
	first    []client.ExecutionID // by number of the order: in its answers; 0: none has come

	answered int // orders that all nodes have answered
	twice    int // of these, not reported as repeated by several nodes, which had sent it again
}

const raceLogin = 2 * time.Second

func raceName(n int) string { return fmt.Sprintf("race-%d", n) }

// run sends orders until trading ends. Answers may come later.
func (c *racer) run(ctx, trading context.Context) {
	for trading.Err() == nil {
		if c.connect(trading) > 1 {
			c.race(ctx)
		}
		sleep(trading, clusterProbePause)
	}
}

// connect connects to the nodes that take the session. It returns how many have.
func (c *racer) connect(ctx context.Context) (n int) {
	ctx, cancel := context.WithTimeout(ctx, raceLogin)
	defer cancel()
	var all sync.WaitGroup
	for i, conn := range c.conns {
		if conn == nil || conn.Err() != nil {
			all.Go(func() { c.conns[i], _, _ = login(ctx, c.k.nodes[i].listen, c.customer, client.Options{}) })
		}
	}
	all.Wait()
	for i, conn := range c.conns {
		switch {
		case conn == nil:
		case conn.Err() != nil:
			c.conns[i] = nil
		default:
			n++
		}
	}
	return n
}

// race sends an order to all nodes at once, and compares the answers.
func (c *racer) race(ctx context.Context) {
	n := len(c.first)
	o := client.Order{ClientOrderID: raceName(n), Key: c.k.raced, Quantity: 1, Side: []client.Side{client.Buy, client.Sell}[n%2]}
	placed, errs := make([]client.Placed, clusterNodes), make([]error, clusterNodes)
	var all sync.WaitGroup
	for i, conn := range c.conns {
		errs[i] = client.ErrClosed
		if conn != nil {
			all.Go(func() { placed[i], errs[i] = conn.PlaceOrder(ctx, o) })
		}
	}
	all.Wait()
	c.first = append(c.first, 0)
	executed, repeated := 0, 0
	for i, p := range placed {
		switch {
		case errors.Is(errs[i], client.ErrRejected):
			c.k.Broken("%s was refused at %s: %v", o.ClientOrderID, c.k.nodes[i].name, errs[i])
		case errs[i] != nil:
			if c.conns[i] != nil && !hadNoEffect(errs[i]) {
				c.conns[i].Close()
				c.conns[i] = nil
			}
		case len(p.Executions) != 1:
			c.k.Broken("%s was answered with %d executions at %s", o.ClientOrderID, len(p.Executions), c.k.nodes[i].name)
		default:
			id := p.Executions[0].ID
			if c.first[n] != 0 && c.first[n] != id {
				c.k.Broken("%s was sent to all nodes at once: %s has answered with the execution %v, another node with %v", o.ClientOrderID, c.k.nodes[i].name, id, c.first[n])
			}
			c.first[n] = id
			if p.Duplicate {
				repeated++
			} else {
				executed++
			}
		}
	}
	if executed+repeated < clusterNodes {
		return
	}
	c.answered++
	switch {
	case executed == 0:
		c.k.Broken("%s was sent to all nodes at once, and all have said that it was done before", o.ClientOrderID)
	case executed > 1:
		c.twice++
	}
}

// finish compares the answers with the history of the account.
func (c *racer) finish(ctx context.Context, addr string) {
	for _, conn := range c.conns {
		if conn != nil {
			conn.Close()
		}
	}
	conn, _, err := login(ctx, addr, c.customer, client.Options{})
	check(err)
	defer conn.Close()
	found := make(map[string][]client.ExecutionID)
	for page, before := (client.HistoryPage{More: true}), client.ExecutionID(0); page.More; {
		page = must(readHistory(ctx, conn, before))
		for _, x := range page.Executions {
			found[x.ClientOrderID], before = append(found[x.ClientOrderID], x.ID), x.ID
		}
	}
	for n, id := range c.first {
		switch got := found[raceName(n)]; {
		case len(got) > 1:
			c.k.Broken("%s was sent to all nodes at once, and executed %d times: %v", raceName(n), len(got), got)
		case id != 0 && !slices.Equal(got, []client.ExecutionID{id}):
			c.k.Broken("%s was answered with the execution %v, and the history has %v", raceName(n), id, got)
		}
	}
	c.k.Figure("orders sent to all nodes at once", len(c.first), "")
	c.k.Figure("of these answered by all", c.answered, fmt.Sprintf("(%d times by several as if it were the first)", c.twice))
}
