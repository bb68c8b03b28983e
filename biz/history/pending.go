package history

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"zombiezen.com/go/sqlite"
)

const (
	// maxPending rows are sorted and written at once; a larger transaction is
	// several such runs.
	maxPending = 1 << 18
	// keptPending rows of memory, 16 MiB, are kept for the next transaction.
	keptPending = 1 << 17
	// yieldRows is after how many rows the writer lets others run: on one core
	// it would hold up an event loop for as long as the scheduler lets it.
	yieldRows = 16
)

// pending are the rows of a transaction that wait to be sorted. Rows written in
// the order of their ids find the page of the row before them in the cache, and
// a page is written once for all its rows.
type pending struct {
	limit int // rows, then they are written
	fills []fill
	order []place
}

// place is where the row of an id waits: a sort moves 16 bytes instead of a row.
type place struct {
	id    uint64
	index int
}

func (p *pending) add(e *Execution) {
	p.fills = append(p.fills, newFill(e))
}

func (p *pending) full() bool { return len(p.fills) >= p.limit }

// sorted returns the places in the order of their ids, valid until add.
func (p *pending) sorted() []place {
	p.order = p.order[:0]
	for i := range p.fills {
		p.order = append(p.order, place{p.fills[i].id, i})
	}
	slices.SortFunc(p.order, func(a, b place) int { return cmp.Compare(a.id, b.id) })
	return p.order
}

func (p *pending) clear() {
	if cap(p.fills) > keptPending {
		*p = pending{limit: p.limit}
		return
	}
	p.fills = p.fills[:0]
}

// flush writes the pending rows.
func (w *writer) flush() error {
	for n, at := range w.pending.sorted() {
		if n%yieldRows == yieldRows-1 {
			runtime.Gosched()
		}
		if err := w.insertFill(&w.pending.fills[at.index]); err != nil {
			return err
		}
	}
	w.pending.clear()
	return nil
}

func (w *writer) insertFill(f *fill) error {
	s := w.insert
	s.BindInt64(1, int64(f.id))
	if f.orderID == f.id {
		s.BindNull(2)
	} else {
		s.BindInt64(2, int64(f.orderID))
	}
	s.BindInt64(3, int64(f.event))
	s.BindBytes(4, f.trimmedID())
	s.BindInt64(5, int64(f.instrument))
	s.BindInt64(6, f.signed)
	s.BindInt64(7, f.price)
	s.BindInt64(8, f.cost)
	s.BindInt64(9, f.time)
	s.BindInt64(10, int64(f.checksum(&w.space)))
	err := run(s)
	if sqlite.ErrCode(err) == sqlite.ResultConstraintPrimaryKey {
		return fmt.Errorf("%w: %d", ErrDuplicate, f.id)
	}
	return err
}
