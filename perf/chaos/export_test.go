package chaos

import (
	"io"
	"strings"

	"holdfast/biz/client"
)

// ParseMetrics lets the tests read metrics of their own.
var ParseMetrics = parseMetrics

// Call is a system call of a trace.
type Call struct {
	Thread       int
	Name, File   string
	Content      string
	Begins, Ends bool
	Result       int
}

// ReadTrace gives the calls of a trace.
func ReadTrace(trace io.Reader) (calls []Call, err error) {
	err = readTrace(trace, func(c *call) {
		calls = append(calls, Call{c.thread, c.name, c.file, string(c.content), c.begins, c.ends, c.result})
	})
	return calls, err
}

// Ledger lets the tests tell a ledger what a server could say.
type Ledger struct {
	Run *Run
	l   *ledger
}

// LedgerKey is the instrument that a Ledger's orders are of.
var LedgerKey = client.Key{Market: "XNAS", Code: "AAPL"}

// NewLedger gives the ledger of customer 7 who holds 100 shares.
func NewLedger() *Ledger {
	r := &Run{Out: io.Discard}
	l := &Ledger{r, newLedger(r, 7)}
	l.l.keys = []client.Key{LedgerKey}
	l.l.begin(positions(100))
	return l
}

func positions(quantity client.Quantity) client.Snapshot {
	return client.Snapshot{Positions: []client.Position{{Key: LedgerKey, Quantity: quantity}}}
}

// Order, Ack, Refuse and Bust are what the customer does and is told.
func (l *Ledger) Order() string                          { return l.l.nextOrder() }
func (l *Ledger) Ack(x client.Execution)                 { l.l.acknowledge(x) }
func (l *Ledger) Refuse(order string)                    { l.l.refuse(order) }
func (l *Ledger) Bust(id client.ExecutionID, acked bool) { l.l.bust(id, acked) }

// Verify compares with a history, the newest execution first, and a position.
func (l *Ledger) Verify(quantity client.Quantity, history ...client.Execution) string {
	_ = l.l.read(0, func(client.ExecutionID) (client.HistoryPage, error) { // it gives none
		return client.HistoryPage{Executions: history}, nil
	})
	l.l.compare(positions(quantity))
	return l.Said()
}

// Said is what was found to be broken.
func (l *Ledger) Said() string { return strings.Join(l.Run.broken, "\n") }
