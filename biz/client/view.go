package client

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Limits of what a view shows.
const (
	// MaxShown is how many executions there are. Older ones are dropped.
	MaxShown = 200
	// MaxOrders is how many working orders there are, more than an account can have. Those with
	// the highest ids are dropped.
	MaxOrders = 1 << 14
)

// View is an account as a screen shows it: a snapshot plus the pushes since then. All
// methods are safe from any goroutine. A Client updates its view in wire order; nobody
// else should change it.
type View struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at each change
	s         Display       // without positions and orders
	asOf      uint64        // number of the push that the account summary includes
	positions rows[Position]
	orders    rows[OrderState]
	busted    map[ExecutionID]ExecutionBusted // since the login; an older history page must not show them as valid
	lost      uint64                          // number of the last push after which something was missing: after a gap, or a reset of the account
	partial   bool                            // something is missing
}

// NewView returns an empty view.
func NewView() *View {
	return &View{
		changed: make(chan struct{}), busted: make(map[ExecutionID]ExecutionBusted),
		positions: rows[Position]{compare: byKey, limit: maxRows}, orders: rows[OrderState]{compare: byOrderID, limit: MaxOrders},
	}
}

// Display returns a copy of what is shown now.
func (v *View) Display() Display {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.copy()
}

func (v *View) copy() Display {
	d := v.s
	d.Positions = slices.Clone(v.positions.list)
	d.Orders = slices.Clone(v.orders.list)
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
	v.s, v.busted = Display{Sequence: s.Sequence, History: s.History}, make(map[ExecutionID]ExecutionBusted)
	v.asOf, v.lost, v.partial = 0, 0, false
	v.positions.reset(s.Positions, s.Sequence)
	v.orders.reset(nil, s.Sequence)
	v.summarise(s)
	v.touch()
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
// older than what is shown; then it returns false. Orders and executions stay, and pushes must
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
	v.positions.start(s.Positions, s.Sequence)
	if !more {
		v.positions.trim(s.Sequence)
	}
	v.summarise(s)
	v.touch()
	return true
}

// Extend adds a further page of the positions, which is as old as its Sequence: the
// positions that later pushes have changed stay.
func (v *View) Extend(s Snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.positions.add(s.Positions, s.Sequence)
	v.summarise(s)
	v.touch()
}

// Trim removes the positions that are older than first, the Sequence of the first page: no
// page had them, and no push since then. It returns the positions. whole is false if pushes
// were lost or the account was reset since the first page: then some may be missing.
func (v *View) Trim(first uint64) (positions []Position, whole bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.positions.trim(first)
	v.touch()
	return slices.Clone(v.positions.list), first >= v.lost
}

// startOrders adds the first page of the working orders, unless it is older than what is shown;
// then it returns false. addOrders adds the others, and endOrders ends them.
func (v *View) startOrders(page OrderList) (shown bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if page.Sequence < v.s.Sequence {
		return false
	}
	v.orders.start(page.Orders, page.Sequence)
	v.touch()
	return true
}

func (v *View) addOrders(page OrderList) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.orders.add(page.Orders, page.Sequence)
	v.touch()
}

// endOrders is Trim for orders.
func (v *View) endOrders(first uint64) (orders []OrderState, whole bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.orders.trim(first)
	v.touch()
	return slices.Clone(v.orders.list), first >= v.lost
}

// summarise shows the account summary of a page, unless a later push has changed it.
func (v *View) summarise(s Snapshot) {
	if s.Sequence >= v.asOf {
		v.s.Account, v.s.MarketValue, v.asOf = s.Account, s.MarketValue, s.Sequence
	}
}

// doubt records that something is missing and will not come, so that the next login must not
// continue from what is shown.
func (v *View) doubt() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.partial = true
}

// trust records that a snapshot of positions and orders is complete. first is the number of the
// last push before it.
func (v *View) trust(first uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if first >= v.lost {
		v.partial = false
	}
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

// Merge adds executions of a history page. One that is busted stays so.
func (v *View) Merge(executions []Execution) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range executions {
		v.add(x)
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
		v.bust(event)
		v.update(p.Sequence, event.Position)
	case PositionUpdate:
		v.updated(p.Sequence, event)
	case OrderUpdate:
		v.orderUpdated(p.Sequence, event)
	case AccountUpdate:
		v.accountUpdated(p.Sequence, event)
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
		v.lost, v.partial = got, true
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
	if !v.s.Account.early() {
		v.updateCash(sequence, u.Cash, u.FrozenCash, u.UnsettledCash)
	}
}

// updateCash shows the cash of a push, unless the account shown is newer.
func (v *View) updateCash(sequence uint64, cash, frozen, unsettled Money) {
	if sequence > v.asOf {
		a := &v.s.Account
		a.Cash, a.FrozenCash, a.UnsettledCash, v.asOf = cash, frozen, unsettled, sequence
		a.FreeCash = cash - frozen - unsettled
	}
}

// reprice shows a new price of an unchanged position. An update with another quantity is
// from another moment and is ignored, and so are other frozen shares; a numbered update follows.
func (v *View) reprice(u PositionUpdate) {
	at, found := v.positions.find(u.Position)
	if !found || v.positions.list[at].Quantity != u.Position.Quantity {
		return
	}
	if shown := &v.positions.list[at]; shown.Frozen != u.Position.Frozen {
		u.Position.Frozen, u.Position.Sellable = shown.Frozen, shown.Sellable
	}
	v.positions.list[at] = u.Position
	v.s.MarketValue = u.MarketValue
}

// update replaces a position. It returns false if the snapshot, or the page of the position, is
// newer.
func (v *View) update(sequence uint64, p Position) bool {
	return v.positions.update(sequence, p, p.Quantity == 0)
}

func (v *View) orderUpdated(sequence uint64, u OrderUpdate) {
	v.orders.update(sequence, u.Order, !u.Order.Working())
	v.update(sequence, u.Position) // without a position: one that is not held
	v.updateCash(sequence, u.Cash, u.FrozenCash, u.UnsettledCash)
}

// accountUpdated shows the account after a change. After a reset it removes what is older than
// that.
func (v *View) accountUpdated(sequence uint64, u AccountUpdate) {
	if u.Change == AccountReset {
		v.positions.trim(sequence)
		v.orders.trim(sequence)
		v.lost, v.partial = sequence, true
	}
	if sequence > v.asOf {
		v.s.Account, v.s.MarketValue, v.asOf = u.Account, u.Account.MarketValue, sequence
	}
}

// add inserts or replaces an execution, newest first.
func (v *View) add(x Execution) {
	if x.Busted {
		v.busted[x.ID] = ExecutionBusted{ID: x.ID, Reason: x.BustReason, CorrectedBy: x.CorrectedBy}
	} else if b, busted := v.busted[x.ID]; busted {
		x.Busted, x.BustReason, x.CorrectedBy = true, b.Reason, b.CorrectedBy
	}
	at, found := v.shown(x.ID)
	if found {
		v.s.Executions[at] = x
		return
	}
	v.s.Executions = slices.Insert(v.s.Executions, at, x)
	v.s.Executions = v.s.Executions[:min(len(v.s.Executions), MaxShown)]
}

// bust marks an execution as busted, where it is shown.
func (v *View) bust(b ExecutionBusted) {
	v.busted[b.ID] = b
	if at, found := v.shown(b.ID); found {
		v.add(v.s.Executions[at])
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
