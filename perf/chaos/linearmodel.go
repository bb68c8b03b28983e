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

// linearKind is what a request does.
type linearKind int

const (
	linearMarket  linearKind = iota // a market order
	linearRest                      // a limit order whose price is never reached
	linearCancel                    // of a resting order
	linearReplace                   // a new quantity for a resting order
	linearRead                      // of the positions
)

// linearInput is a client's request to an account.
type linearInput struct {
	kind     linearKind
	account  int
	order    string // client order id
	repeated bool   // the order is sent more than once
	resends  bool   // the server may send the request again itself: it then hides that it was done before
	after    bool   // a cancel that has no answer, or follows one: if the order is cancelled then, it does nothing
	sell     bool
	key      int
	quantity int64
	target   uint32 // number of the order to cancel or replace
}

// places reports whether the request is an order.
func (in linearInput) places() bool { return in.kind == linearMarket || in.kind == linearRest }

// linearOutput is the answer. If there was none, the rest is from the account's final
// state: it may have happened at any time after the request was sent.
type linearOutput struct {
	unknown   bool
	refused   bool
	short     bool // refused for lack of shares
	late      bool // refused because the order no longer works
	duplicate bool
	order     uint32 // its number in the account
	execution uint32
	held      int64 // shares of the order's instrument afterwards
	positions [linearKeys]int64
	frozen    [linearKeys]int64
	working   int // orders
}

// linearState is an account as one thread without faults would see it. The maps are not changed,
// only copied.
type linearState struct {
	executions, orders uint32
	held, frozen       [linearKeys]int64
	accepted           map[string]linearOutput // order and execution of each repeated order
	resting            map[uint32]linearInput  // by number
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
			h := uint64(s.executions)<<32 | uint64(s.orders)
			for i := range s.held {
				h = (h*1_000_003+uint64(s.held[i]))*1_000_003 + uint64(s.frozen[i])
			}
			return h*1_000_003 + uint64(len(s.resting))
		},
	}
}

func (s linearState) equal(o linearState) bool {
	return s.executions == o.executions && s.orders == o.orders && s.held == o.held && s.frozen == o.frozen &&
		maps.Equal(s.accepted, o.accepted) && maps.Equal(s.resting, o.resting)
}

// step reports whether the account may answer out to in, and returns its next state.
func (s linearState) step(in linearInput, out linearOutput) (bool, linearState) {
	switch {
	case in.kind == linearRead:
		return s.held == out.positions && s.frozen == out.frozen && len(s.resting) == out.working, s
	case in.places():
		return s.place(in, out)
	}
	o, works := s.resting[in.target]
	if in.kind == linearCancel && in.after && !out.late && !out.refused && !works {
		return true, s // done by the one before
	}
	more := int64(0) // shares to freeze
	if in.kind == linearReplace && o.sell {
		more = in.quantity - o.quantity
	}
	short := more > s.held[o.key]-s.frozen[o.key]
	switch {
	case out.late:
		return !works, s
	case out.refused:
		return works && (short || !out.short), s
	case !works || short:
		return false, s
	}
	if in.kind == linearReplace {
		o.quantity = in.quantity
		return true, s.rest(in.target, o, more)
	}
	next := s
	next.resting = maps.Clone(s.resting)
	delete(next.resting, in.target)
	if o.sell {
		next.frozen[o.key] -= o.quantity
	}
	return true, next
}

// place is step for an order.
func (s linearState) place(in linearInput, out linearOutput) (bool, linearState) {
	first, executed := s.accepted[in.order]
	short := in.sell && s.held[in.key]-s.frozen[in.key] < in.quantity
	same := first.order == out.order && first.execution == out.execution
	switch {
	case executed && (out.unknown || in.resends && !out.refused), out.duplicate:
		return executed && same, s
	case out.refused:
		return !executed && (short || !out.short), s
	}
	next := s.execute(in)
	answered := next.orders == out.order && (in.kind == linearRest || next.executions == out.execution)
	if !out.unknown && in.kind == linearMarket {
		answered = answered && next.held[in.key] == out.held
	}
	return !executed && !short && answered, next
}

// execute returns the account after the order.
func (s linearState) execute(in linearInput) linearState {
	s.orders++
	first := linearOutput{order: s.orders}
	switch {
	case in.kind == linearRest:
		more := int64(0)
		if in.sell {
			more = in.quantity
		}
		s = s.rest(s.orders, in, more)
	case in.sell:
		s.held[in.key] -= in.quantity
	default:
		s.held[in.key] += in.quantity
	}
	if in.kind == linearMarket {
		s.executions++
		first.execution = s.executions
	}
	if in.repeated {
		accepted := make(map[string]linearOutput, len(s.accepted)+1)
		maps.Copy(accepted, s.accepted)
		accepted[in.order] = first
		s.accepted = accepted
	}
	return s
}

// rest returns the account with a resting order, which freezes more shares.
func (s linearState) rest(number uint32, o linearInput, more int64) linearState {
	resting := make(map[uint32]linearInput, len(s.resting)+1)
	maps.Copy(resting, s.resting)
	resting[number] = o
	s.resting = resting
	s.frozen[o.key] += more
	return s
}

// heldOf returns the shares of keys in a list of positions, and those that are frozen.
func heldOf(positions []client.Position, keys []client.Key) (held, frozen [linearKeys]int64) {
	for _, p := range positions {
		if i := slices.Index(keys, p.Key); i >= 0 {
			held[i], frozen[i] = int64(p.Quantity), int64(p.Frozen)
		}
	}
	return held, frozen
}

// linearEnd is the final state of an order.
type linearEnd struct {
	order, execution uint32
	cancelled        bool
	quantity         int64
}

// checkable prepares a history for the check. Requests without an answer get one from ends, the
// orders of the accounts at the end. checkable drops unanswered requests that have had no effect,
// and all but the first unanswered sending of an order: the first may have had any effect of the
// others.
func checkable(history []porcupine.Operation, ends map[linearName]linearEnd) (ready []porcupine.Operation) {
	slices.SortStableFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	sent, open, cancelled, asked := make(map[linearName]int), make(map[linearName]bool), make(map[linearName]bool), make(map[linearName]bool)
	for _, o := range history {
		in, out := o.Input.(linearInput), o.Output.(linearOutput)
		if in.places() {
			sent[in.name()]++
		}
		if in.kind == linearCancel && !out.unknown && !out.late {
			cancelled[in.name()] = true
		}
	}
	for _, o := range history {
		in, out := o.Input.(linearInput), o.Output.(linearOutput)
		in.repeated = in.places() && sent[in.name()] > 1
		if in.kind == linearCancel && in.resends {
			asked[in.name()] = asked[in.name()] || out.unknown
			in.after = asked[in.name()]
		}
		if out.unknown {
			end := ends[in.name()]
			out.order, out.execution = end.order, end.execution
			var happened bool
			switch in.kind {
			case linearCancel:
				happened = end.cancelled && (in.resends || !cancelled[in.name()])
				cancelled[in.name()] = true
			case linearReplace:
				happened = end.quantity == in.quantity
			default:
				happened = end.order != 0 && !open[in.name()]
				open[in.name()] = true
			}
			if !happened {
				continue
			}
		}
		o.Input, o.Output = in, out
		ready = append(ready, o)
	}
	return ready
}

// linearName names an order.
type linearName struct {
	account int
	order   string
}

func (in linearInput) name() linearName { return linearName{in.account, in.order} }
