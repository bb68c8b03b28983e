package chaos

import (
	"cmp"
	"maps"
	"slices"

	"github.com/anishathalye/porcupine"

	"holdfast/biz/client"
)

// linearKeys is how many instruments the model follows.
const linearKeys = 2

// linearInput is a client's request to an account.
type linearInput struct {
	account  int
	read     bool   // positions; else an order
	order    string // client order id
	repeated bool   // the order is sent more than once
	sell     bool
	key      int
	quantity int64
}

// linearOutput is the answer. If there was none, execution is from the account's final
// history: it may have happened at any time after the order was sent.
type linearOutput struct {
	unknown   bool
	refused   bool
	short     bool // refused for lack of shares
	duplicate bool
	execution uint32 // number in the account
	held      int64  // shares of the order's instrument afterwards
	positions [linearKeys]int64
}

// linearState is an account as one thread without faults would see it.
type linearState struct {
	executions uint32
	held       [linearKeys]int64
	accepted   map[string]uint32 // execution of each repeated order; not changed, only copied
}

// linearModel returns the model of what an account may answer to requests one after the
// other. Each account starts with the shares in held.
func linearModel(held [][linearKeys]int64) porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, len(held))
			for i := range parts {
				parts[i] = []porcupine.Operation{{Input: linearInput{account: i}, Output: linearState{held: held[i]}, Call: -2, Return: -1}}
			}
			for _, o := range history {
				account := o.Input.(linearInput).account
				parts[account] = append(parts[account], o)
			}
			return parts
		},
		Init: func() any { return linearState{} },
		Step: func(state, input, output any) (bool, any) {
			if start, ok := output.(linearState); ok {
				return true, start
			}
			return state.(linearState).step(input.(linearInput), output.(linearOutput))
		},
		Equal: func(a, b any) bool { return a.(linearState).equal(b.(linearState)) },
		Hash: func(state any) uint64 {
			s := state.(linearState)
			h := uint64(s.executions)
			for _, q := range s.held {
				h = h*1_000_003 + uint64(q)
			}
			return h
		},
	}
}

func (s linearState) equal(o linearState) bool {
	return s.executions == o.executions && s.held == o.held && maps.Equal(s.accepted, o.accepted)
}

// step reports whether the account may answer out to in, and returns its next state.
func (s linearState) step(in linearInput, out linearOutput) (bool, linearState) {
	if in.read {
		return s.held == out.positions, s
	}
	first, executed := s.accepted[in.order]
	short := in.sell && s.held[in.key] < in.quantity
	switch {
	case out.unknown && executed:
		return first == out.execution, s
	case out.unknown:
		return !short && s.executions+1 == out.execution, s.execute(in)
	case out.refused:
		return !executed && (short || !out.short), s
	case out.duplicate:
		return executed && first == out.execution, s
	}
	next := s.execute(in)
	return !executed && !short && next.executions == out.execution && next.held[in.key] == out.held, next
}

// execute returns the account after the order.
func (s linearState) execute(in linearInput) linearState {
	s.executions++
	if in.sell {
		s.held[in.key] -= in.quantity
	} else {
		s.held[in.key] += in.quantity
	}
	if in.repeated {
		accepted := make(map[string]uint32, len(s.accepted)+1)
		maps.Copy(accepted, s.accepted)
		accepted[in.order] = s.executions
		s.accepted = accepted
	}
	return s
}

// heldOf returns the shares of keys in a list of positions.
func heldOf(positions []client.Position, keys []client.Key) (held [linearKeys]int64) {
	for _, p := range positions {
		if i := slices.Index(keys, p.Key); i >= 0 {
			held[i] = int64(p.Quantity)
		}
	}
	return held
}

// checkable prepares a history for the check. executed holds the execution of each order
// at the end; orders without an answer get theirs from it. It drops unanswered orders
// that were not executed, and all but the first unanswered sending of an order: the first
// may have had any effect of the others.
func checkable(history []porcupine.Operation, executed map[string]uint32) (ready []porcupine.Operation) {
	slices.SortStableFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	sent, open := make(map[string]int), make(map[string]bool)
	for _, o := range history {
		sent[o.Input.(linearInput).order]++
	}
	for _, o := range history {
		in, out := o.Input.(linearInput), o.Output.(linearOutput)
		in.repeated = sent[in.order] > 1 && !in.read
		if out.unknown {
			out.execution = executed[in.order]
			if out.execution == 0 || open[in.order] {
				continue
			}
			open[in.order] = true
		}
		o.Input, o.Output = in, out
		ready = append(ready, o)
	}
	return ready
}
