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
	// keptPending is how many rows of memory, 16 MiB, the next transaction may reuse.
	keptPending = 1 << 17
	// yieldRows is after how many rows the writer yields. On one core it would otherwise
	// delay an event loop by a full time slice.
	yieldRows = 16
)

// pending has the rows of a transaction that are not sorted yet. If rows are written in
// the order of their ids, the page is still in the cache from the row before, and each
// page is written only once.
type pending struct {
	limit int // at this many rows they are written
	fills []Fill
	order []place
}

// place is the index of a row in fills. The sort moves 16 bytes instead of a row.
type place struct {
	id    uint64
	index int
}

func (p *pending) full() bool { return len(p.fills) >= p.limit }

// sorted returns the places in the order of the ids. They are valid until the next insert.
func (p *pending) sorted() []place {
	p.order = p.order[:0]
	for i := range p.fills {
		p.order = append(p.order, place{p.fills[i].ID, i})
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

func (w *writer) insertFill(f *Fill) error {
	s := w.insert
	s.BindInt64(1, int64(f.ID))
	if f.OrderID == f.ID {
		s.BindNull(2)
	} else {
		s.BindInt64(2, int64(f.OrderID))
	}
	s.BindInt64(3, int64(f.Event))
	s.BindBytes(4, f.trimmedID())
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
