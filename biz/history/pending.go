package history

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"zombiezen.com/go/sqlite"
)

const (
	// maxPending is how many rows are sorted and written at once. A larger transaction
	// does this several times.
	maxPending = 1 << 18
	// keptPending is how many executions and how many orders of memory, up to 20 MiB each,
	// the next transaction may reuse.
	keptPending = 1 << 17
	// yieldRows is after how many rows the writer yields. On one core it would otherwise
	// delay an event loop by a full time slice.
	yieldRows = 16
)

// pending has the rows of a transaction that are not sorted yet. If rows are written in
// the order of their ids, the page is still in the cache from the row before, and each
// page is written only once.
type pending struct {
	limit  int // at this many rows they are written
	fills  []Fill
	orders []Order // each with all its states, oldest first
	keys   []key   // memory of the sort
}

// key is the id of a row and its index. The sort moves 16 bytes instead of a row.
type key struct {
	id    uint64
	index int
}

func (p *pending) full() bool { return len(p.fills)+len(p.orders) >= p.limit }

// sortedFills returns the keys of the executions in the order of the ids. They are valid until
// the next sort.
func (p *pending) sortedFills() []key {
	p.keys = p.keys[:0]
	for i := range p.fills {
		p.keys = append(p.keys, key{p.fills[i].ID, i})
	}
	slices.SortFunc(p.keys, func(a, b key) int { return cmp.Compare(a.id, b.id) })
	return p.keys
}

// sortedOrders is sortedFills for the orders. The states of an order remain in their order.
func (p *pending) sortedOrders() []key {
	p.keys = p.keys[:0]
	for i := range p.orders {
		p.keys = append(p.keys, key{p.orders[i].ID, i})
	}
	slices.SortFunc(p.keys, func(a, b key) int {
		if a.id == b.id {
			return a.index - b.index
		}
		return cmp.Compare(a.id, b.id)
	})
	return p.keys
}

func (p *pending) clearFills() {
	if cap(p.fills) > keptPending {
		p.fills, p.keys = nil, nil
		return
	}
	p.fills = p.fills[:0]
}

func (p *pending) clearOrders() {
	if cap(p.orders) > keptPending {
		p.orders, p.keys = nil, nil
		return
	}
	p.orders = p.orders[:0]
}

// flush writes the pending rows.
func (w *writer) flush() error {
	if err := w.flushFills(); err != nil {
		return err
	}
	return w.flushOrders()
}

func (w *writer) flushFills() error {
	var rows [yieldRows]Fill
	for keys := range slices.Chunk(w.pending.sortedFills(), yieldRows) {
		// The rows are all over the memory. The processor fetches them in parallel if they are
		// copied together.
		for i, at := range keys {
			rows[i] = w.pending.fills[at.index]
		}
		for i := range keys {
			if err := w.insertFill(&rows[i]); err != nil {
				return err
			}
		}
		runtime.Gosched()
	}
	w.pending.clearFills()
	return nil
}

func (w *writer) flushOrders() error {
	orders, keys := w.pending.orders, w.pending.sortedOrders()
	first := 0 // of the states of one order
	for i, at := range keys {
		if i+1 < len(keys) && keys[i+1].id == at.id {
			continue // a newer state follows
		}
		yield(i)
		if err := w.putOrder(&orders[keys[first].index], &orders[at.index]); err != nil {
			return err
		}
		first = i + 1
	}
	w.pending.clearOrders()
	return nil
}

// yield lets other goroutines run before the nth row, if it is their time.
func yield(n int) {
	if n%yieldRows == yieldRows-1 {
		runtime.Gosched()
	}
}

func (w *writer) insertFill(f *Fill) error {
	s := w.insertPlain
	if !f.plain() {
		s = w.insert
		s.BindInt64(11, f.Fee)
		s.BindInt64(12, f.Settlement)
		s.BindInt64(13, int64(f.Corrects))
		s.BindInt64(14, int64(f.Place))
		s.BindInt64(15, int64(bit(f.FeeInCost)))
	}
	s.BindInt64(1, int64(f.ID))
	if f.OrderID == f.ID {
		s.BindNull(2)
	} else {
		s.BindInt64(2, int64(f.OrderID))
	}
	s.BindInt64(3, int64(f.Event))
	s.BindBytes(4, trimmed(&f.ClientOrderID))
	s.BindInt64(5, int64(f.Instrument))
	s.BindInt64(6, f.signed())
	s.BindInt64(7, f.Price)
	s.BindInt64(8, f.Cost)
	s.BindInt64(9, f.Time)
	s.BindInt64(10, int64(f.checksum(&w.space)))
	err := run(s)
	if sqlite.ErrCode(err) == sqlite.ResultConstraintPrimaryKey {
		return fmt.Errorf("%w: %d", ErrDuplicate, f.ID)
	}
	return err
}
