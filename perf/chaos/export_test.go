package chaos

import (
	"context"
	"io"
	"slices"
	"strings"

	"holdfast/biz/client"
)

// Check ends a run.
var Check = check

// Explain sets what is added to the description of each broken promise.
func (r *Run) Explain(f func() string) { r.explain = f }

// EachRound calls f for each round.
func (r *Run) EachRound(ctx context.Context, f func(round int)) { r.rounds(ctx, f) }

// Call is a system call of a trace.
type Call struct {
	Thread       int
	Name, File   string
	Content      string
	Starts, Ends bool
	Result       int
}

// ReadTrace returns the calls of a trace.
func ReadTrace(trace io.Reader) (calls []Call, err error) {
	err = readTrace(trace, func(c *call) {
		calls = append(calls, Call{c.thread, c.name, c.file, string(c.content), c.starts, c.ends, c.result})
	})
	return calls, err
}

// Ledger is a ledger for tests that play the server.
type Ledger struct {
	Run *Run
	l   *ledger
}

// LedgerKey is the instrument of a Ledger's orders.
var LedgerKey = client.Key{Market: "XNAS", Code: "AAPL"}

// NewLedger returns the ledger of customer 7, who holds 100 shares and has cash.
func NewLedger() *Ledger {
	r := &Run{Out: io.Discard}
	l := &Ledger{r, newLedger(r, 7)}
	l.l.keys, l.l.prices = []client.Key{LedgerKey}, []client.Price{100}
	l.l.start(Account(100, LedgerCash))
	return l
}

// LedgerCash is the cash of a Ledger's customer at the start.
const LedgerCash = client.Money(1_000_000)

// Account returns an account that holds shares.
func Account(quantity client.Quantity, cash client.Money) client.Snapshot {
	return client.Snapshot{Account: client.Account{Cash: cash}, Positions: []client.Position{{Key: LedgerKey, Quantity: quantity}}}
}

// Order sends an order and returns its client order id.
func (l *Ledger) Order(o client.Order) string {
	l.l.newOrder(&o)
	return o.ClientOrderID
}

// Replace sends a replacement of order n, and returns its client order id.
func (l *Ledger) Replace(n uint32, q client.Quantity) string {
	r := client.Replacement{Quantity: q}
	l.l.newReplacement(n, &r)
	return r.NewClientOrderID
}

// Cancel sends a cancel of order n.
func (l *Ledger) Cancel(n uint32) { l.l.orders[n].cancel = true }

// Undo sends a bust, or a correction if quantity is not 0.
func (l *Ledger) Undo(x client.Execution, quantity client.Quantity, price client.Price) {
	l.l.undo(x, undo{correct: quantity > 0, quantity: quantity, price: price})
}

// Ack, Accept, Refuse, Observe and Undid are answers of the server.
func (l *Ledger) Ack(x client.Execution)             { l.l.acknowledge(x) }
func (l *Ledger) Accept(n uint32, id client.OrderID) { l.l.accept(n, id) }
func (l *Ledger) Refuse(n uint32)                    { l.l.refuse(n) }
func (l *Ledger) Observe(o client.OrderState)        { l.l.observe(o, false) }
func (l *Ledger) ObserveLate(o client.OrderState)    { l.l.observe(o, true) }
func (l *Ledger) Undid(id client.ExecutionID)        { l.l.undid(id) }

// Verify compares with an account, its history, the newest execution first, and its orders.
func (l *Ledger) Verify(s client.Snapshot, history []client.Execution, orders []client.OrderState) string {
	_ = l.l.read(0, func(client.ExecutionID) (client.HistoryPage, error) { // it returns none
		return client.HistoryPage{Executions: history}, nil
	})
	var working []client.OrderState
	for _, o := range orders {
		if o.Working() {
			working = append(working, o)
		}
	}
	s.Account.WorkingOrders = len(working)
	l.l.compare(s, working)
	for _, id := range l.l.compareWorking(working) {
		at := slices.IndexFunc(orders, func(o client.OrderState) bool { return o.ID == id })
		if at < 0 {
			l.Run.Broken("the acknowledged order %v is lost", id)
			continue
		}
		l.l.compareEnded(orders[at])
	}
	return l.Said()
}

// PushOrder is a pushOrder; Push, Snapshot and End return what is wrong.
type PushOrder struct{ o pushOrder }

func (o *PushOrder) Push(sequence uint64) string     { return o.o.push(sequence) }
func (o *PushOrder) Snapshot(sequence uint64) string { return o.o.snapshot(sequence) }
func (o *PushOrder) End() string                     { return o.o.end() }

// Resumption returns what is wrong with a session that resumes.
func Resumption(resumed bool, before, now, got, after uint64) string {
	return resumption{resumed, before, now, got, after}.wrong()
}

// Said returns the broken promises.
func (l *Ledger) Said() string { return strings.Join(l.Run.broken, "\n") }
