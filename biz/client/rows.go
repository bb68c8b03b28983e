package client

import "slices"

// rows is a sorted list that snapshots in pages and pushes bring up to date. Each row is as of
// a push, and nothing older replaces it. Goroutine: whoever holds the lock of the view.
type rows[R any] struct {
	compare func(x, y R) int // by what names a row
	limit   int              // of the list: what comes after it is dropped
	list    []R
	asOf    []uint64 // by row: the number of the push that it includes
	base    uint64   // number of the last snapshot, which includes all earlier pushes
}

func (r *rows[R]) find(x R) (at int, found bool) {
	return slices.BinarySearchFunc(r.list, x, r.compare)
}

// reset replaces the list by the first page of a snapshot.
func (r *rows[R]) reset(page []R, sequence uint64) {
	r.list, r.asOf = nil, nil
	r.start(page, sequence)
}

// start adds the first page of a snapshot.
func (r *rows[R]) start(page []R, sequence uint64) {
	r.base = sequence
	r.add(page, sequence)
}

// add adds a page, which is sorted. To insert one row at a time would move the rows after it
// each time.
func (r *rows[R]) add(page []R, sequence uint64) {
	old, asOf := r.list, r.asOf
	size := len(old) + len(page)
	r.list, r.asOf = make([]R, 0, size), make([]uint64, 0, size)
	for len(old)+len(page) > 0 {
		order := 1
		switch {
		case len(page) == 0:
			order = -1
		case len(old) > 0:
			order = r.compare(old[0], page[0])
		}
		if order < 0 || order == 0 && asOf[0] > sequence {
			r.list, r.asOf = append(r.list, old[0]), append(r.asOf, asOf[0])
		} else {
			r.list, r.asOf = append(r.list, page[0]), append(r.asOf, sequence)
		}
		if order <= 0 {
			old, asOf = old[1:], asOf[1:]
		}
		if order >= 0 {
			page = page[1:]
		}
	}
	r.cut()
}

// trim removes the rows that are older than first, the number of a snapshot: no page had them,
// and no push since then.
func (r *rows[R]) trim(first uint64) {
	list, asOf := r.list[:0], r.asOf[:0]
	for i, x := range r.list {
		if r.asOf[i] >= first {
			list, asOf = append(list, x), append(asOf, r.asOf[i])
		}
	}
	clear(r.list[len(list):])
	r.list, r.asOf, r.base = list, asOf, max(r.base, first)
}

// update replaces, inserts or removes a row after a push. It returns false if the snapshot, or
// the page of the row, is newer.
func (r *rows[R]) update(sequence uint64, x R, gone bool) bool {
	at, found := r.find(x)
	switch {
	case sequence <= r.base || found && sequence < r.asOf[at]:
		return false
	case found && gone:
		r.list = slices.Delete(r.list, at, at+1)
		r.asOf = slices.Delete(r.asOf, at, at+1)
	case found:
		r.list[at], r.asOf[at] = x, sequence
	case !gone:
		r.list = slices.Insert(r.list, at, x)
		r.asOf = slices.Insert(r.asOf, at, sequence)
		r.cut()
	}
	return true
}

// cut drops what is above the limit.
func (r *rows[R]) cut() {
	n := min(len(r.list), r.limit)
	clear(r.list[n:])
	r.list, r.asOf = r.list[:n], r.asOf[:n]
}
