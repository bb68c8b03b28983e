//go:build linux

package chaos

import (
	"io"
	"strings"

	"github.com/anishathalye/porcupine"
)

// OrderOfCalls returns the broken promises in a trace, and how many orders were durable
// before they were sent.
func OrderOfCalls(trace string) (broken []string, shown int, err error) {
	r := &Run{Out: io.Discard}
	o := newOrderOfCalls(r)
	err = readTrace(strings.NewReader(trace), o.take)
	for _, s := range o.durable {
		if s > 0 {
			shown++
		}
	}
	return r.broken, shown, err
}

// Ask is one request of account 0 and its answer.
type Ask struct {
	Call, Return int64
	Kind         Kind
	Order        string
	Target       uint32
	Sell         bool
	Quantity     int64
	Resends      bool // the server may send it again itself
	Out          Answer
}

// Kind is what a request does.
type Kind = linearKind

// The kinds.
const (
	Rest    = linearRest
	Cancel  = linearCancel
	Replace = linearReplace
	Read    = linearRead
)

// Answer is its answer.
type Answer struct {
	Unknown, Refused, Late, Duplicate bool
	Order, Execution                  uint32
	Held, Frozen                      int64
	Working                           int
}

// End is the final state of an order.
type End struct {
	Order, Execution uint32
	Cancelled        bool
	Quantity         int64
}

// IsLinear reports whether a history of an account that starts with 100 shares is
// linearizable; final has the orders at the end.
func IsLinear(asks []Ask, final map[string]End) bool {
	ends := make(map[linearName]linearEnd)
	for order, end := range final {
		ends[linearName{0, order}] = linearEnd{end.Order, end.Execution, end.Cancelled, end.Quantity}
	}
	var all []porcupine.Operation
	for _, a := range asks {
		in := linearInput{kind: a.Kind, order: a.Order, sell: a.Sell, quantity: a.Quantity, target: a.Target, resends: a.Resends}
		out := linearOutput{
			unknown: a.Out.Unknown, refused: a.Out.Refused, short: a.Out.Refused, late: a.Out.Late, duplicate: a.Out.Duplicate,
			order: a.Out.Order, execution: a.Out.Execution, held: a.Out.Held, working: a.Out.Working,
			positions: [linearKeys]int64{a.Out.Held}, frozen: [linearKeys]int64{a.Out.Frozen},
		}
		all = append(all, porcupine.Operation{Input: in, Output: out, Call: a.Call, Return: a.Return})
	}
	return porcupine.CheckOperations(linearModel([][linearKeys]int64{{100}}), checkable(all, ends))
}

// Troubles returns what a verdict quotes from the output of a node.
var Troubles = troubles
