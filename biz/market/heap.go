package market

import "holdfast/biz/ledger"

// A heap is a slice whose first element comes before all others. Each element stores its
// place, so that it can be removed from the middle. container/heap would call an interface
// for every comparison.

// up moves an element towards the front until the one before it belongs there.
func up(q []*Resting, i int, before func(x, y *Resting) bool, moved func(*Resting, int)) {
	r := q[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !before(r, q[parent]) {
			break
		}
		q[i] = q[parent]
		moved(q[i], i)
		i = parent
	}
	q[i] = r
	moved(r, i)
}

// down moves an element towards the end until those after it belong there.
func down(q []*Resting, i int, before func(x, y *Resting) bool, moved func(*Resting, int)) {
	r := q[i]
	for {
		child := 2*i + 1
		if child >= len(q) {
			break
		}
		if child+1 < len(q) && before(q[child+1], q[child]) {
			child++
		}
		if !before(q[child], r) {
			break
		}
		q[i] = q[child]
		moved(q[i], i)
		i = child
	}
	q[i] = r
	moved(r, i)
}

// removeAt removes the element at i and returns the shorter heap.
func removeAt(q []*Resting, i int, before func(x, y *Resting) bool, moved func(*Resting, int)) []*Resting {
	n := len(q) - 1
	last := q[n]
	q[n] = nil
	q = q[:n]
	if i < n {
		q[i] = last
		down(q, i, before, moved)
		up(q, i, before, moved)
	}
	return q
}

// Expiries are resting orders that expire, the next one first. Goroutine: one at a time.
type Expiries struct{ heap []*Resting }

// Put makes the order expire at its present time. It replaces an earlier call.
func (e *Expiries) Put(r *Resting) {
	e.Remove(r)
	if r.Expires == 0 {
		return
	}
	r.dueAt = r.Expires
	e.heap = append(e.heap, r)
	up(e.heap, len(e.heap)-1, sooner, movedDue)
}

// Remove makes the order not expire.
func (e *Expiries) Remove(r *Resting) {
	if r.due < 0 {
		return
	}
	e.heap = removeAt(e.heap, int(r.due), sooner, movedDue)
	r.due = -1
}

// Next returns when the next order expires, and ok false if none does.
func (e *Expiries) Next() (at int64, id ledger.OrderID, ok bool) {
	if len(e.heap) == 0 {
		return 0, 0, false
	}
	return e.heap[0].dueAt, e.heap[0].Order, true
}

// Len returns how many orders expire.
func (e *Expiries) Len() int { return len(e.heap) }

func sooner(x, y *Resting) bool {
	if x.dueAt != y.dueAt {
		return x.dueAt < y.dueAt
	}
	return x.Order < y.Order
}

func movedDue(r *Resting, at int) { r.due = int32(at) }
