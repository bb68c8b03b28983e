package client

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// MaxShown is how many executions a view shows. Older ones are dropped.
const MaxShown = 200

// View is an account as a screen shows it: a snapshot plus the pushes since then. All
// methods are safe from any goroutine. A Client updates its view in wire order; nobody
// else should change it.
type View struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	s       Display
	asOf    []uint64                 // by position: the Sequence of the page or the update that it is from
	base    uint64                   // Sequence of the last snapshot, which includes all earlier updates
	busted  map[ExecutionID]struct{} // since the login; an older history page must not show them again
	partial bool                     // the positions of a login are not complete, and no more will come
}

// NewView returns an empty view.
func NewView() *View {
	return &View{changed: make(chan struct{}), busted: make(map[ExecutionID]struct{})}
}

// Display returns a copy of what is shown now.
func (v *View) Display() Display {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.copy()
}

func (v *View) copy() Display {
	d := v.s
	d.Positions = slices.Clone(d.Positions)
	d.Executions = slices.Clone(d.Executions)
	return d
}

// Wait waits until ok accepts what is shown, and returns it. If ctx ends first, Wait
// returns what is shown then and the error of ctx.
func (v *View) Wait(ctx context.Context, ok func(*Display) bool) (Display, error) {
	for {
		v.mu.Lock()
		d, changed := v.copy(), v.changed
		v.mu.Unlock()
		if ok(&d) {
			return d, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// Reset replaces everything with the snapshot of a login. If s is the first page of the
// positions, Extend adds the others.
func (v *View) Reset(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s, v.busted = Display{Sequence: s.Sequence, History: s.History}, make(map[ExecutionID]struct{})
	v.asOf, v.base, v.partial = nil, s.Sequence, false
	v.addPage(s)
}

// Resume continues from what is shown, after a login that the server resumed. It
// replaces only the account summary; the missed pushes follow.
func (v *View) Resume(a Account) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s.Account, v.s.MarketValue = a, a.MarketValue
	v.touch()
}

// Refresh replaces the account summary and the positions by a snapshot, unless it is
// older than what is shown; then it returns false. Executions stay, and pushes must
// continue without a gap.
//
// If the snapshot comes in pages, s is the first one: Extend adds the others, and Trim ends
// it. In between, positions of later pages are shown as they were before.
func (v *View) Refresh(s Snapshot, more bool) (shown bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.Sequence < v.s.Sequence {
		return false
	}
	v.base = s.Sequence
	v.addPage(s)
	if !more {
		v.dropBefore(s.Sequence)
	}
	return true
}

// Extend adds a further page of the positions, which is as old as its Sequence: the
// positions that later pushes have changed stay.
func (v *View) Extend(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.addPage(s)
}

// Trim removes the positions that are older than first, the Sequence of the first page: no
// page had them, and no push since then. It returns the positions.
func (v *View) Trim(first uint64) []Position {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropBefore(first)
	return slices.Clone(v.s.Positions)
}

func (v *View) addPage(s Snapshot) {
	v.s.Account, v.s.MarketValue = s.Account, s.MarketValue
	v.setRows(s.Positions, s.Sequence)
	v.touch()
}

// setRows sets many rows, which are sorted. One at a time would move the rows after it each
// time.
func (v *View) setRows(page []Position, sequence uint64) {
	old, asOf := v.s.Positions, v.asOf
	size := len(old) + len(page)
	v.s.Positions, v.asOf = make([]Position, 0, size), make([]uint64, 0, size)
	for len(old)+len(page) > 0 {
		order := 1
		switch {
		case len(page) == 0:
			order = -1
		case len(old) > 0:
			order = old[0].Key.Compare(page[0].Key)
		}
		if order < 0 || order == 0 && asOf[0] > sequence {
			v.s.Positions, v.asOf = append(v.s.Positions, old[0]), append(v.asOf, asOf[0])
		} else {
			v.s.Positions, v.asOf = append(v.s.Positions, page[0]), append(v.asOf, sequence)
		}
		if order <= 0 {
			old, asOf = old[1:], asOf[1:]
		}
		if order >= 0 {
			page = page[1:]
		}
	}
}

func (v *View) dropBefore(first uint64) {
	positions, asOf := v.s.Positions[:0], v.asOf[:0]
	for i, p := range v.s.Positions {
		if v.asOf[i] >= first {
			positions, asOf = append(positions, p), append(asOf, v.asOf[i])
		}
	}
	clear(v.s.Positions[len(positions):])
	v.s.Positions, v.asOf = positions, asOf
	v.touch()
}

// doubt records that the positions of a login will not become complete, so that the next
// login must not continue from them.
func (v *View) doubt() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.partial = true
}

// place returns what the view has seen, to resume from; no push if it needs a snapshot.
func (v *View) place() (history HistoryID, sequence uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.partial {
		return v.s.History, 0
	}
	return v.s.History, v.s.Sequence
}

// Merge adds executions of a history page, and removes those that are busted.
func (v *View) Merge(executions []Execution) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range executions {
		if x.Busted {
			v.takeBack(x.ID)
		} else {
			v.add(x)
		}
	}
	v.touch()
}

// Apply applies a push. It returns a SequenceBreak if the number is not the next one: the
// push after a gap is applied, a repeated push is not.
func (v *View) Apply(p Push) (broken SequenceBreak, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.Sequence > 0 {
		broken, found = v.count(p.Sequence)
		if found && broken.Double() {
			return broken, true
		}
	}
	switch event := p.Event.(type) {
	case Execution:
		v.add(event)
	case ExecutionBusted:
		v.takeBack(event.ID)
		v.update(p.Sequence, event.Position)
	case PositionUpdate:
		v.updated(p.Sequence, event)
	}
	v.touch()
	return broken, found
}

// count checks the number of a push and records it as the last one.
func (v *View) count(got uint64) (SequenceBreak, bool) {
	want := v.s.Sequence + 1
	switch {
	case got < want:
		v.s.Doubles++
		return SequenceBreak{want, got}, true
	case got > want:
		v.s.Gaps++
	}
	v.s.Sequence = got
	return SequenceBreak{want, got}, got > want
}

func (v *View) updated(sequence uint64, u PositionUpdate) {
	if sequence == 0 {
		v.reprice(u)
		return
	}
	if v.update(sequence, u.Position) {
		v.s.MarketValue = u.MarketValue
	}
}

// reprice shows a new price of an unchanged position. An update with another quantity is
// from another moment and is ignored; a numbered update follows.
func (v *View) reprice(u PositionUpdate) {
	at, found := v.row(u.Position.Key)
	if !found || v.s.Positions[at].Quantity != u.Position.Quantity {
		return
	}
	v.s.Positions[at] = u.Position
	v.s.MarketValue = u.MarketValue
}

// update replaces a row. It returns false if the snapshot, or the page of the row, is newer.
func (v *View) update(sequence uint64, p Position) bool {
	at, found := v.row(p.Key)
	switch {
	case sequence <= v.base || found && sequence < v.asOf[at]:
		return false
	case found && p.Quantity == 0:
		v.s.Positions = slices.Delete(v.s.Positions, at, at+1)
		v.asOf = slices.Delete(v.asOf, at, at+1)
	case found:
		v.s.Positions[at], v.asOf[at] = p, sequence
	case p.Quantity != 0:
		v.s.Positions = slices.Insert(v.s.Positions, at, p)
		v.asOf = slices.Insert(v.asOf, at, sequence)
	}
	return true
}

func (v *View) row(key Key) (at int, found bool) {
	return slices.BinarySearchFunc(v.s.Positions, key, byKey)
}

// add inserts or replaces an execution, newest first.
func (v *View) add(x Execution) {
	if _, busted := v.busted[x.ID]; busted {
		return
	}
	at, found := v.shown(x.ID)
	if found {
		v.s.Executions[at] = x
		return
	}
	v.s.Executions = slices.Insert(v.s.Executions, at, x)
	v.s.Executions = v.s.Executions[:min(len(v.s.Executions), MaxShown)]
}

func (v *View) takeBack(id ExecutionID) {
	v.busted[id] = struct{}{}
	if at, found := v.shown(id); found {
		v.s.Executions = slices.Delete(v.s.Executions, at, at+1)
	}
}

func (v *View) shown(id ExecutionID) (at int, found bool) {
	return slices.BinarySearchFunc(v.s.Executions, id, func(x Execution, id ExecutionID) int { return cmp.Compare(id, x.ID) })
}

// touch wakes the callers of Wait.
func (v *View) touch() {
	close(v.changed)
	v.changed = make(chan struct{})
}
