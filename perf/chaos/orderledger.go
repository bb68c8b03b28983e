package chaos

import (
	"math"

	"holdfast/biz/client"
)

// order is what a ledger knows of a client order id: an order, or a replacement of one, which
// has only the fields up to shown.
type order struct {
	number   uint32 // of its client order id; of a replacement that of the order
	refused  bool
	quantity int32 // as last acknowledged
	shown    int8  // how often the server has sent its client order id, at least

	id      uint32 // the server's number; 0: unknown
	named   uint32 // the client order id that it has: the last acknowledged one
	pending uint32 // a replacement whose outcome is unknown; 0: none
	most    int32  // its largest quantity so far
	filled  int32  // by the counted executions
	taken   int32  // at most this much was taken back by busts and corrections
	raised  int32  // at most this much was added by corrections
	atEnd   int32  // what was filled when it was cancelled or had expired; -1: it may work
	key     int8
	atOnce  int32 // executions in the reply to it
	sell    bool
	rests   bool // what is not executed at once works on
	cancel  bool // its cancel is requested
}

// newOrder adds an order, and sets its client order id.
func (l *ledger) newOrder(o *client.Order) uint32 {
	n := uint32(len(l.orders))
	o.ClientOrderID = l.name(n)
	l.orders = append(l.orders, order{
		number: n, named: n, quantity: int32(o.Quantity), most: int32(o.Quantity), atEnd: -1,
		key: l.keyNumber(o.Key), sell: o.Side == client.Sell, rests: o.Price > 0 && o.TimeInForce != client.ImmediateOrCancel,
	})
	return n
}

// newReplacement adds a replacement, and sets its client order ids.
func (l *ledger) newReplacement(of uint32, r *client.Replacement) uint32 {
	n, o := uint32(len(l.orders)), &l.orders[of]
	r.ID, r.NewClientOrderID = client.NewOrderID(l.customer, o.id), l.name(n)
	o.pending, o.most = n, max(o.most, int32(r.Quantity))
	l.orders = append(l.orders, order{number: of, quantity: int32(r.Quantity)})
	return n
}

// sent returns the number of client order ids so far.
func (l *ledger) sent() int { return len(l.orders) - 1 }

// root returns the order of a client order id.
func (l *ledger) root(n uint32) *order { return &l.orders[l.orders[n].number] }

// refuse records that an order or a replacement must have no effect.
func (l *ledger) refuse(n uint32) {
	o := &l.orders[n]
	if o.number == n && o.id != 0 {
		l.r.Broken("%s was refused although it is order %d-%d", l.name(n), l.customer, o.id)
		return
	}
	if root := l.root(n); root.pending == n {
		root.pending = 0
	} else if root.named == n && o.number != n {
		l.r.Broken("the replacement %s was refused although it has happened", l.name(n))
		return
	}
	o.refused = true
}

// accept records that the server has accepted an order or a replacement, and returns the order.
func (l *ledger) accept(n uint32, id client.OrderID) *order {
	o, number := l.root(n), id.Number()
	if l.orders[n].refused {
		l.r.Broken("%q was refused, and has an effect nevertheless in %v", l.name(n), id)
	}
	switch {
	case id.Customer() != l.customer || number == 0 || number == math.MaxUint32:
		l.r.Broken("%q is the order %v, which can't be", l.name(n), id)
		return o
	case o.id == 0:
		o.id = number
		l.live[o.number] = true
	case o.id != number:
		l.r.Broken("%q was accepted twice: as %d-%d and %v", l.name(o.number), l.customer, o.id, id)
		return o
	}
	for int(number) >= len(l.byID) {
		l.byID = append(l.byID, 0)
	}
	if was := l.byID[number]; was != 0 && was != o.number {
		l.r.Broken("%v is the order %s, and %s too", id, l.name(was), l.name(o.number))
	}
	l.byID[number] = o.number
	if o.pending == n {
		o.named, o.pending, o.quantity = n, 0, l.orders[n].quantity
	}
	return o
}

// observe compares an order that the server has shown with what is known of it. late means that
// it may be older than what is known. It returns nil if it can't be ours.
func (l *ledger) observe(s client.OrderState, late bool) *order {
	n, ok := l.number(s.ClientOrderID)
	if !ok {
		l.r.Broken("the order %v has the client order id %q, which nobody sent", s.ID, s.ClientOrderID)
		return nil
	}
	o := l.accept(n, s.ID)
	working := s.Working()
	if s.Filled < 0 || working && (s.Filled+s.Leaves != s.Quantity || s.Leaves <= 0 || (s.Filled > 0) != (s.Status == client.StatusPartiallyFilled)) ||
		!working && s.Leaves != 0 || (s.Status == client.StatusFilled) != (s.Filled == s.Quantity) {
		l.r.Broken("%s does not add up: %s, quantity %d, filled %d, leaves %d", s.ClientOrderID, s.Status, s.Quantity, s.Filled, s.Leaves)
	}
	if l.keyNumber(s.Key) != o.key || o.sell != (s.Side == client.Sell) {
		l.r.Broken("%s is an order of another instrument or side", s.ClientOrderID)
	}
	if !late {
		l.compareTerms(o, n, s)
	}
	if s.Status == client.StatusCancelled || s.Status == client.StatusExpired {
		l.end(o, s)
	}
	return o
}

// compareTerms compares the newest state of an order with what was acknowledged.
func (l *ledger) compareTerms(o *order, n uint32, s client.OrderState) {
	if n != o.named {
		l.r.Broken("%s has lost its replacement %s", s.ClientOrderID, l.name(o.named))
	}
	if q := s.Quantity; q > client.Quantity(o.quantity) || q < client.Quantity(o.quantity-o.taken) {
		l.r.Broken("%s has the quantity %d; acknowledged was %d, busts may have taken %d", s.ClientOrderID, q, o.quantity, o.taken)
	}
	switch {
	case s.Working() && o.atEnd >= 0:
		l.r.Broken("%s works again after its end", s.ClientOrderID)
	case s.Working() && !o.rests:
		l.r.Broken("%s works, but must not rest", s.ClientOrderID)
	case o.atEnd >= 0 && s.Filled > client.Quantity(o.atEnd+o.raised):
		l.r.Broken("%s was executed after its end: filled %d, then %d", s.ClientOrderID, o.atEnd, s.Filled)
	}
}

// end records that an order was cancelled or has expired, which is final.
func (l *ledger) end(o *order, s client.OrderState) {
	ok := true
	switch s.Cause {
	case client.CauseClient:
		ok = o.cancel
	case client.CauseBust, client.CauseCorrection:
		ok = o.taken > 0
	case client.CauseShares:
		ok = o.sell && len(l.undone) > 0
	case client.CauseImmediateOrCancel, client.CauseLiquidity:
		ok = !o.rests
	case client.CauseClose: // of an order for the day, at midnight
	default:
		ok = false
	}
	if !ok {
		l.r.Broken("%s is %s with the cause %v, for which there is no reason", s.ClientOrderID, s.Status, s.Cause)
	}
	if o.atEnd < 0 || s.Filled < client.Quantity(o.atEnd) {
		o.atEnd = int32(s.Filled)
	}
}

// compareWorking compares the list of working orders with what was acknowledged, after read. It
// returns the orders that are not in the list although nothing that is known has ended
// them.
func (l *ledger) compareWorking(list []client.OrderState) (missing []client.OrderID) {
	listed := make(map[uint32]bool, len(list))
	for _, s := range list {
		o := l.observe(s, false)
		if o == nil {
			continue
		}
		if !s.Working() || listed[o.number] {
			l.r.Broken("%s is in the list of working orders twice, or does not work", s.ClientOrderID)
		}
		listed[o.number] = true
		l.compareSum(o, s)
		if price := l.prices[o.key]; price > 0 && (o.sell && s.Price <= price || !o.sell && s.Price >= price) {
			l.r.Broken("%s works although the price %v has reached its limit %v", s.ClientOrderID, price, s.Price)
		}
	}
	for n := range l.live {
		o := &l.orders[n]
		switch {
		case listed[n]:
		case o.pending == 0 && o.taken == 0 && (o.filled == o.quantity || o.atEnd == o.filled):
			delete(l.live, n)
		default:
			missing = append(missing, client.NewOrderID(l.customer, o.id))
		}
	}
	return missing
}

// compareEnded compares an order that is not in the list of working orders.
func (l *ledger) compareEnded(s client.OrderState) {
	o := l.observe(s, false)
	if o == nil {
		return
	}
	if s.Working() {
		l.r.Broken("%s works, but is not in the list of working orders", s.ClientOrderID)
	}
	l.compareSum(o, s)
	delete(l.live, o.number)
}

func (l *ledger) compareSum(o *order, s client.OrderState) {
	if s.Filled != client.Quantity(o.filled) {
		l.r.Broken("%s is filled with %d shares, its executions make %d", s.ClientOrderID, s.Filled, o.filled)
	}
}

// filledLater returns how many executions came after the answers to their orders.
func (l *ledger) filledLater() (n int) {
	for i := range l.entries {
		if l.entries[i].counted {
			n++
		}
	}
	for i := range l.orders {
		n -= int(l.orders[i].atOnce)
	}
	return max(n, 0)
}
