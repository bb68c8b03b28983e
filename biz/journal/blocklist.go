package journal

import (
	"cmp"
	"slices"
	"sync"
)

// A blockList has the block files of an open journal, and where the journal starts. The list
// of an external journal is empty.
//
// Goroutine: any. The committer's adds the files that the store begins, Trim takes away those
// that the store is about to remove, and checks by others set block.checked.
type blockList struct {
	mu   sync.Mutex
	base Point   // the last trimmed batch
	list []block // oldest first; the size of the last one is old
	next int     // index of the one to watch next
}

func (l *blockList) set(base Point, list []block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base, l.list = base, list
}

// before returns the last trimmed batch.
func (l *blockList) before() Point {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base
}

// all returns a copy of the list.
func (l *blockList) all() []block {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// watched enters a file as it is now. A file that is not on the list comes at its end.
func (l *blockList) watched(s *seen) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.list) - 1; i >= max(len(l.list)-2, 0); i-- {
		if l.list[i].path == s.path {
			l.list[i].seen = *s
			return nil
		}
	}
	b, err := readHead(s.path)
	if err != nil {
		return err
	}
	if len(l.list) == 0 {
		b.first = l.base.Batch + 1 // the store may not have written it yet
	}
	b.seen, b.checked = *s, true
	l.list = append(l.list, b)
	return nil
}

// some calls check for at most n of the files before the newest; the next call goes on with the
// others. Nothing is taken off the list meanwhile.
func (l *blockList) some(n int, check func(*seen) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	older := l.list[:max(len(l.list)-1, 0)]
	for range min(n, len(older)) {
		l.next %= len(older)
		if err := check(&older[l.next].seen); err != nil {
			return err
		}
		l.next++
	}
	return nil
}

// has returns the file that has a batch, and the one after it, nil after the newest.
func (l *blockList) has(batch uint64) (b block, after *block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found := slices.BinarySearchFunc(l.list, batch, func(b block, batch uint64) int { return cmp.Compare(b.first, batch) })
	if !found {
		i--
	}
	if i < 0 {
		return block{}, nil
	}
	if i+1 < len(l.list) {
		next := l.list[i+1]
		after = &next
	}
	return l.list[i], after
}

// check marks the file that starts with a batch as checked.
func (l *blockList) check(first uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		if l.list[i].first == first {
			l.list[i].checked = true
		}
	}
}

// trim takes all files off that end with base or before it. It does nothing if more was trimmed.
func (l *blockList) trim(base Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if base.Batch <= l.base.Batch {
		return
	}
	l.base = base
	n := 0
	for n+1 < len(l.list) && l.list[n+1].first <= base.Batch+1 {
		n++
	}
	l.list = slices.Delete(l.list, 0, n)
	l.next = max(l.next-n, 0)
}
