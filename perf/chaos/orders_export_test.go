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
	Read         bool
	Order        string
	Sell         bool
	Quantity     int64
	Out          Answer
}

// Answer is its answer.
type Answer struct {
	Unknown, Refused, Duplicate bool
	Execution                   uint32
	Held                        int64
}

// IsLinear reports whether a history of an account that starts with 100 shares is
// linearizable; executed is the final history.
func IsLinear(asks []Ask, executed map[string]uint32) bool {
	var all []porcupine.Operation
	for _, a := range asks {
		in := linearInput{read: a.Read, order: a.Order, sell: a.Sell, quantity: a.Quantity}
		out := linearOutput{
			unknown: a.Out.Unknown, refused: a.Out.Refused, short: a.Out.Refused, duplicate: a.Out.Duplicate,
			execution: a.Out.Execution, held: a.Out.Held, positions: [linearKeys]int64{a.Out.Held},
		}
		all = append(all, porcupine.Operation{Input: in, Output: out, Call: a.Call, Return: a.Return})
	}
	return porcupine.CheckOperations(linearModel([][linearKeys]int64{{100}}), checkable(all, executed))
}
