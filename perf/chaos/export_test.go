package chaos

import (
	"context"
	"io"
	"strings"

	"holdfast/biz/client"
)

// Check ends a run.
var Check = check

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

// NewLedger returns the ledger of customer 7, who holds 100 shares.
func NewLedger() *Ledger {
	r := &Run{Out: io.Discard}
	l := &Ledger{r, newLedger(r, 7)}
	l.l.keys = []client.Key{LedgerKey}
	l.l.start(positions(100))
	return l
}

func positions(quantity client.Quantity) client.Snapshot {
	return client.Snapshot{Positions: []client.Position{{Key: LedgerKey, Quantity: quantity}}}
}

// Order, Ack, Refuse and Bust are actions of the customer and answers of the server.
func (l *Ledger) Order() string                          { return l.l.nextOrder() }
func (l *Ledger) Ack(x client.Execution)                 { l.l.acknowledge(x) }
func (l *Ledger) Refuse(order string)                    { l.l.refuse(order) }
func (l *Ledger) Bust(id client.ExecutionID, acked bool) { l.l.bust(id, acked) }

// Verify compares with a history, the newest execution first, and a position.
func (l *Ledger) Verify(quantity client.Quantity, history ...client.Execution) string {
	_ = l.l.read(0, func(client.ExecutionID) (client.HistoryPage, error) { // it returns none
		return client.HistoryPage{Executions: history}, nil
	})
	l.l.compare(positions(quantity))
	return l.Said()
}

// Said returns the broken promises.
func (l *Ledger) Said() string { return strings.Join(l.Run.broken, "\n") }
