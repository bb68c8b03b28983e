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

// linearInput is what a client asks of an account.
type linearInput struct {
	account  int
	read     bool   // positions, else an order
	order    string // client order id
	repeated bool   // the order is sent more than once
	sell     bool
	key      int
	quantity int64
}

// linearOutput is what it was told. Without an answer, execution is that of the
// account's history in the end: it may have been made at any time after the order
// was sent.
type linearOutput struct {
	unknown   bool
	refused   bool
	short     bool // refused for want of shares
	duplicate bool
	execution uint32 // number in the account
	held      int64  // shares of the order's instrument after it
	positions [linearKeys]int64
}

// linearState is an account as a single thread without faults would have it.
type linearState struct {
	executions uint32
	held       [linearKeys]int64
	accepted   map[string]uint32 // execution of each repeated order; not changed, only copied
}

// linearModel says what an account may answer, one request after the other. Each
// account begins with what held has.
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
			if begin, ok := output.(linearState); ok {
				return true, begin
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

// step tells whether the account may answer so, and how it is afterwards.
func (s linearState) step(in linearInput, out linearOutput) (bool, linearState) {
	if in.read {
		return s.held == out.positions, s
	}
	first, known := s.accepted[in.order]
	short := in.sell && s.held[in.key] < in.quantity
	switch {
	case out.unknown && known:
		return first == out.execution, s
	case out.unknown:
		return !short && s.executions+1 == out.execution, s.execute(in)
	case out.refused:
		return !known && (short || !out.short), s
	case out.duplicate:
		return known && first == out.execution, s
	}
	next := s.execute(in)
	return !known && !short && next.executions == out.execution && next.held[in.key] == out.held, next
}

// execute is the account after the order.
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

// heldOf are the shares of keys in a list of positions.
func heldOf(positions []client.Position, keys []client.Key) (held [linearKeys]int64) {
	for _, p := range positions {
		if i := slices.Index(keys, p.Key); i >= 0 {
			held[i] = int64(p.Quantity)
		}
	}
	return held
}

// settle makes a history one that can be checked. executed has the execution of
// each order in the end. Orders without an answer get theirs from it; those that
// have none go, as does all but the first sending of the same order without an
// answer: what it may have done the first may have done, too.
func settle(history []porcupine.Operation, executed map[string]uint32) (settled []porcupine.Operation) {
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
		settled = append(settled, o)
	}
	return settled
}
