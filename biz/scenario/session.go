package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/biz/client"
)

// session is a named connection of a client. It lasts over reconnects.
//
// Goroutine: that of the play, except for in.
type session struct {
	*client.Client // nil: not connected
	name           string
	customer       client.Customer
	in             *inbox
	loggedIn       bool
	cut            bool // an operator has closed it
	held           bool // an operator holds its pushes, since heldAt was the last one
	heldAt         uint64
	loginMark      int // pushes before the last login that got a snapshot

	// What the pushes have said up to push base.
	base      uint64
	positions map[client.Key]client.Position
	orders    map[client.OrderID]client.OrderState
	cash      client.Money
	frozen    client.Money
	unknown   bool // the account was reset
	folded    int  // pushes of in that are included
	breaks    int  // breaks that were reported
	wrong     []string

	// At the start of the present step.
	mark int
	was  uint64
}

// state is an account at one moment.
type state struct {
	client.Snapshot
	orders []client.OrderState // that work, by id
	shown  client.Display
}

// live reports whether the account can be checked through this session.
func (s *session) live() bool {
	if s.held && s.in.sequence() > s.heldAt {
		s.held = false
	}
	return s.Client != nil && s.loggedIn && !s.cut && !s.held
}

// started records where the pushes of the present step start.
func (s *session) started() { s.mark, s.was = s.in.mark(), s.in.sequence() }

// agree waits until the client has received all pushes that a pull includes. It returns the
// account, and what is wrong: where what the client shows, what was pushed since the last
// call and what the pull returns are not the same.
func (s *session) agree(ctx context.Context) (st state, wrong []string, err error) {
	for tries := 0; ; tries++ {
		list, history, err := s.look(ctx, &st)
		switch {
		case err != nil && tries > 0 && ctx.Err() != nil:
			return st, nil, fmt.Errorf("push %d is shown, but a pull includes push %d", st.shown.Sequence, st.Sequence)
		case err != nil:
			return st, nil, err
		case s.unknown:
			if err := s.afterReset(ctx); err != nil {
				return st, nil, err
			}
		case st.Sequence == list.Sequence && st.shown.Sequence == list.Sequence:
			wrong = slices.Concat(s.wrong, s.differences(&st, history))
			s.rebase(st.Snapshot, list)
			return st, wrong, nil
		}
	}
}

// look sets st to what is shown and pulled now, unless the account was reset.
func (s *session) look(ctx context.Context, st *state) (list client.OrderList, history []client.Execution, err error) {
	if list, err = s.Orders(ctx, s.customer); err != nil { // by number: so the view stays as it is
		return list, nil, err
	}
	switch err := s.in.reach(ctx, list.Sequence); {
	case err != nil && s.Err() != nil:
		return list, nil, s.Err()
	case err != nil:
		return list, nil, fmt.Errorf("%w: the account had push %d, the last one that came is %d", ErrNoPush, list.Sequence, s.in.sequence())
	}
	if s.fold(list.Sequence); s.unknown {
		return list, nil, nil
	}
	st.shown, st.orders = s.View().Display(), list.Orders
	page, err := s.History(ctx, client.HistoryQuery{Limit: compared})
	if err != nil {
		return list, nil, err
	}
	st.Snapshot, err = s.Positions(ctx)
	return list, page.Executions, err
}

// compared is how many executions are compared with the history each time.
const compared = 50

// afterReset requests the account after a reset: until then, the client shows only a part.
func (s *session) afterReset(ctx context.Context) error {
	snapshot, err := s.Positions(ctx)
	if err != nil {
		return err
	}
	orders, err := s.Orders(ctx, 0)
	if err != nil {
		return err
	}
	s.rebase(snapshot, orders)
	return nil
}

// rebase starts with an account from which later pushes continue.
func (s *session) rebase(snapshot client.Snapshot, orders client.OrderList) {
	s.base, s.unknown, s.wrong = min(snapshot.Sequence, orders.Sequence), false, nil
	s.positions = make(map[client.Key]client.Position)
	for _, p := range snapshot.Positions {
		s.positions[p.Key] = p
	}
	s.orders = make(map[client.OrderID]client.OrderState)
	for _, o := range orders.Orders {
		s.orders[o.ID] = o
	}
	s.cash, s.frozen = snapshot.Account.Cash, snapshot.Account.FrozenCash
}

// fold applies the pushes up to a number, and records in s.wrong what is wrong with them.
func (s *session) fold(until uint64) {
	for _, b := range s.in.broken(s.breaks) {
		s.breaks++
		s.wrong = append(s.wrong, b.String())
	}
	for _, p := range s.in.since(s.folded) {
		if p.Sequence > until {
			return
		}
		s.folded++
		if u, ok := p.Event.(client.PositionUpdate); ok {
			s.wrong = append(s.wrong, badValues("pushed", []client.Position{u.Position})...)
		}
		if p.Sequence > s.base {
			s.apply(p.Event)
		}
	}
}

// apply applies a numbered push.
func (s *session) apply(event client.Event) {
	switch e := event.(type) {
	case client.PositionUpdate:
		s.checkChange(&e)
		s.cash, s.frozen = e.Cash, e.FrozenCash
		s.setPosition(e.Position)
		if e.Rows != len(s.positions) && !s.unknown {
			s.wrong = append(s.wrong, fmt.Sprintf("%d positions pushed, %d according to their updates", e.Rows, len(s.positions)))
		}
	case client.OrderUpdate:
		delete(s.orders, e.Order.ID)
		if e.Order.Working() {
			s.orders[e.Order.ID] = e.Order
		}
		s.cash, s.frozen = e.Cash, e.FrozenCash
		if e.Position.Key != (client.Key{}) {
			s.setPosition(e.Position)
		}
	case client.AccountUpdate:
		s.cash, s.frozen = e.Account.Cash, e.Account.FrozenCash
		s.unknown = s.unknown || e.Change == client.AccountReset
	}
}

func (s *session) setPosition(p client.Position) {
	delete(s.positions, p.Key)
	if p.Quantity != 0 {
		s.positions[p.Key] = p
	}
}

// checkChange checks that the change of a push is that of the quantity.
func (s *session) checkChange(u *client.PositionUpdate) {
	before, after := s.positions[u.Position.Key].Quantity, u.Position.Quantity
	want := u.Change
	switch {
	case s.unknown || before == after:
	case before == 0:
		want = client.Opened
	case after == 0:
		want = client.Closed
	case after > before:
		want = client.Increased
	default:
		want = client.Decreased
	}
	if want != u.Change {
		s.wrong = append(s.wrong, fmt.Sprintf("%s was %s, but %q was pushed", u.Position.Key, want, u.Change))
	}
}

// differences compares what is shown, pushed and pulled. history is newest first.
func (s *session) differences(st *state, history []client.Execution) []string {
	pushed := slices.SortedFunc(maps.Values(s.positions), func(x, y client.Position) int { return x.Key.Compare(y.Key) })
	wrong := slices.Concat(
		badValues("shown", st.shown.Positions), badValues("pulled", st.Positions),
		rowDifferences("shown", st.shown.Positions, st.Positions), rowDifferences("pushed", pushed, st.Positions),
		orderDifferences("shown", st.shown.Orders, st.orders),
		orderDifferences("pushed", slices.SortedFunc(maps.Values(s.orders), byOrder), st.orders),
		executionDifferences(st.shown.Executions, history),
	)
	if sum := total(st.Positions); st.MarketValue != sum {
		wrong = append(wrong, fmt.Sprintf("the total of the pull is %s, the sum of its rows %s", st.MarketValue, sum))
	}
	shown, pulled := &st.shown.Account, &st.Account
	if shown.Cash != pulled.Cash || shown.FrozenCash != pulled.FrozenCash {
		wrong = append(wrong, fmt.Sprintf("shown cash %s and frozen %s, a pull returns %s and %s", shown.Cash, shown.FrozenCash, pulled.Cash, pulled.FrozenCash))
	}
	if s.cash != pulled.Cash || s.frozen != pulled.FrozenCash {
		wrong = append(wrong, fmt.Sprintf("pushed cash %s and frozen %s, a pull returns %s and %s", s.cash, s.frozen, pulled.Cash, pulled.FrozenCash))
	}
	return wrong
}

func byOrder(x, y client.OrderState) int {
	return strings.Compare(x.ID.String(), y.ID.String())
}

// orderDifferences compares working orders, except for the cause, which a list of them has not.
func orderDifferences(where string, have, pulled []client.OrderState) []string {
	if texts, want := orderTexts(have), orderTexts(pulled); texts != want {
		return []string{fmt.Sprintf("%s: %s; a pull returns %s", where, texts, want)}
	}
	return nil
}

func orderTexts(orders []client.OrderState) string {
	orders = slices.SortedFunc(slices.Values(orders), byOrder)
	texts := make([]string, 0, len(orders))
	for _, o := range orders {
		texts = append(texts, fmt.Sprintf("order %s %s %s %s %s limit %s stop %s %s filled %s leaves %s triggered %t",
			o.ID, o.Side, o.Quantity, o.Key, o.Type, o.Price, o.Stop, statusText(o.Status), o.Filled, o.Leaves, o.Triggered))
	}
	if len(texts) == 0 {
		return "no working orders"
	}
	return strings.Join(texts, ", ")
}

// executionDifferences compares the executions that are shown with the newest of the history.
func executionDifferences(shown, history []client.Execution) []string {
	for i, x := range shown[:min(len(shown), compared)] {
		switch {
		case i >= len(history):
			return []string{fmt.Sprintf("execution %s is shown, but not in the history", x.ID)}
		case x.ID != history[i].ID:
			return []string{fmt.Sprintf("execution %s is shown where the history has %s", x.ID, history[i].ID)}
		case x != history[i]:
			return []string{fmt.Sprintf("execution %s is shown as %s, the history has %s", x.ID, executionText(&x), executionText(&history[i]))}
		}
	}
	return nil
}
