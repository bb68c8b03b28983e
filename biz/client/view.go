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
	base    uint64                   // Sequence of the last snapshot, which includes all earlier updates
	busted  map[ExecutionID]struct{} // since the login; an older history page must not show them again
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

// Reset replaces everything with the snapshot of a login.
func (v *View) Reset(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s, v.busted = Display{Sequence: s.Sequence}, make(map[ExecutionID]struct{})
	v.show(s)
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
// older than what is shown. Executions stay, and pushes must continue without a gap.
func (v *View) Refresh(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s.Sequence >= v.s.Sequence {
		v.show(s)
	}
}

func (v *View) show(s Snapshot) {
	v.s.Account, v.s.MarketValue = s.Account, s.MarketValue
	v.s.Positions = slices.Clone(s.Positions)
	v.base = s.Sequence
	v.touch()
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

// update replaces a row. It returns false if the snapshot is newer.
func (v *View) update(sequence uint64, p Position) bool {
	if sequence <= v.base {
		return false
	}
	at, found := v.row(p.Key)
	switch {
	case found && p.Quantity == 0:
		v.s.Positions = slices.Delete(v.s.Positions, at, at+1)
	case found:
		v.s.Positions[at] = p
	case p.Quantity != 0:
		v.s.Positions = slices.Insert(v.s.Positions, at, p)
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
