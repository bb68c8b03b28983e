package client

import (
	"context"
	"slices"
	"sync"
)

// MaxShown is how many executions a view shows; the oldest make room.
const MaxShown = 200

// View is an account as a screen shows it: a snapshot, and the pushes since then
// applied. All methods are safe from any goroutine. A Client keeps its own up to
// date in wire order; nobody else should change that one.
type View struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	s       Display
	base    uint64                   // the sequence of the last snapshot: older updates are in it
	busted  map[ExecutionID]struct{} // since the login; an older history can't bring them back
}

// NewView returns an empty view.
func NewView() *View {
	return &View{changed: make(chan struct{}), busted: make(map[ExecutionID]struct{})}
}

// Display returns what is shown now.
func (v *View) Display() Display {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.display()
}

func (v *View) display() Display {
	d := v.s
	d.Positions = slices.Clone(d.Positions)
	d.Executions = slices.Clone(d.Executions)
	return d
}

// Wait waits until ok accepts what is shown, and returns that. The error is
// ctx's; what is shown then is returned with it.
func (v *View) Wait(ctx context.Context, ok func(*Display) bool) (Display, error) {
	for {
		v.mu.Lock()
		d, changed := v.display(), v.changed
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

// Reset starts afresh with the snapshot of a login.
func (v *View) Reset(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s, v.busted = Display{Sequence: s.Sequence}, make(map[ExecutionID]struct{})
	v.show(s)
}

// Resume goes on from what is shown, for a login that the server resumed: only the
// summary is that of the present. The pushes that were missed follow.
func (v *View) Resume(a Account) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.s.Account, v.s.MarketValue = a, a.MarketValue
	v.touch()
}

// Refresh replaces the account by a later snapshot; an earlier one than what is
// shown is ignored. Executions stay, and pushes must go on without a gap.
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

// Merge shows executions of a history as well, and takes back those that it says
// are busted.
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

// Apply shows the effect of a push. It reports a break of the sequence; the push
// that comes after a gap is applied, one that came before is not.
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

// count checks the number of a push and makes it the last one seen.
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

// reprice shows a new price of a position that is as it was. An update that is
// of another quantity belongs to another moment; a numbered one follows.
func (v *View) reprice(u PositionUpdate) {
	at, found := v.row(u.Position.Key)
	if !found || v.s.Positions[at].Quantity != u.Position.Quantity {
		return
	}
	v.s.Positions[at] = u.Position
	v.s.MarketValue = u.MarketValue
}

// update replaces a row, unless the snapshot is newer.
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

// add shows an execution in its place, newest first.
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
	return slices.BinarySearchFunc(v.s.Executions, id, func(x Execution, id ExecutionID) int {
		switch {
		case x.ID > id:
			return -1
		case x.ID < id:
			return 1
		}
		return 0
	})
}

// touch wakes those who wait.
func (v *View) touch() {
	close(v.changed)
	v.changed = make(chan struct{})
}
