package client

import (
	"errors"

	lru "github.com/hashicorp/golang-lru/v2"

	"holdfast/codec"
)

// maxUnknown is how many orders and replacements with an unknown outcome are remembered.
// Beyond it the oldest is forgotten.
const maxUnknown = 1 << 16

// outcomes remembers the client order ids of orders and replacements that were sent and not
// answered, with the history in which they were first sent. Goroutine: any. Limit: maxUnknown.
type outcomes struct {
	histories *lru.Cache[string, HistoryID]
}

func newOutcomes() *outcomes {
	histories, err := lru.New[string, HistoryID](maxUnknown)
	if err != nil { // only for a size below 1
		panic("client: " + err.Error())
	}
	return &outcomes{histories}
}

// historyOf returns the history of an order's first send, or zero if it is sent for the
// first time.
func (o *outcomes) historyOf(n named) HistoryID {
	if n.history != (HistoryID{}) || n.id == "" {
		return n.history
	}
	first, _ := o.histories.Get(n.id)
	return first
}

// record stores the outcome of an order that was sent: err is that of its reply. first is
// the history of its first send.
func (o *outcomes) record(clientOrderID string, first HistoryID, err error) {
	var refused *Error
	switch {
	case clientOrderID == "" || first == (HistoryID{}):
	case err == nil:
		o.histories.Remove(clientOrderID)
	case !errors.As(err, &refused):
		o.histories.Add(clientOrderID, first)
	case refused.Result == codec.ResultRejected && refused.Reason != ReasonHistoryReset:
		o.histories.Remove(clientOrderID)
	default: // nothing was executed now, but perhaps when it was sent before
	}
}
