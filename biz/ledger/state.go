package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// stateVersion is the first byte of a state. One of fullStateVersion has the client order ids
// within it.
const (
	stateVersion     = 3
	fullStateVersion = 2
)

// AppendState appends a binary snapshot of the account, with the recent events and the busted
// executions. AppendIDs has the client order ids.
//
//	byte     version
//	core     customer ... busted; Hash uses the same bytes
//	uvarint  day, number of the first event of the day and of the day before
//	byte     length of the highest client order id, and its bytes
//	uvarint  number of the first client order id, and how many there are
//	uvarint  of the newest ones, from a multiple of 256 on: the event of the first one, smallest and
//	         largest order number
//	uvarint  number of recent events, then each, oldest first
//	4 bytes  CRC32C of everything before, big-endian
//
// Version 2 has no number of the first client order id. After how many there are, it has 8 bytes for
// each, and before every 256th from the first on, uvarint: its event, smallest and largest order number
// of the 256.
func (a *Account) AppendState(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, stateVersion)
	dst = a.appendCore(dst)
	dst = a.ids.appendState(dst)
	n := a.recent.len()
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = a.recent.appendNewest(dst, n)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

// Hash returns the SHA-256 of the account's state: customer, numbers, amounts, positions,
// working orders, busted executions, and a digest of every event since the account was
// opened. The same starting state and the same events result in the same hash on every
// machine, whether they came from commands or were replayed, from the beginning or from a
// snapshot. What is remembered of the past is a setting and does not count.
func (a *Account) Hash() [32]byte { return sha256.Sum256(a.appendCore(nil)) }

func (a *Account) appendCore(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.customer))
	dst = binary.AppendUvarint(dst, a.lastNumber)
	dst = binary.AppendUvarint(dst, a.lastPush)
	dst = binary.AppendUvarint(dst, uint64(a.lastOrder))
	dst = binary.AppendUvarint(dst, uint64(a.lastExecution))
	dst = binary.AppendUvarint(dst, uint64(a.resetAt))
	dst = binary.BigEndian.AppendUint64(dst, a.digest)
	for _, m := range [...]Money{a.cash, a.frozen, a.realised, a.fees, a.deposits} {
		dst = binary.AppendVarint(dst, int64(m))
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.rows)))
	for i := range a.rows {
		dst = a.rows[i].append(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.lots)))
	for _, l := range a.lots {
		dst = binary.AppendUvarint(dst, uint64(l.instrument))
		dst = binary.BigEndian.AppendUint64(dst, uint64(l.from))
		dst = binary.AppendUvarint(dst, uint64(l.quantity))
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.proceeds)))
	for _, d := range a.proceeds {
		dst = binary.BigEndian.AppendUint64(dst, uint64(d.from))
		dst = binary.AppendUvarint(dst, uint64(d.amount))
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.orders)))
	for _, o := range a.orders {
		dst = o.appendState(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.busted)))
	for _, id := range slices.Sorted(maps.Keys(a.busted)) {
		dst = a.busted[id].append(dst, id)
	}
	return dst
}

func (r *row) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.instrument))
	dst = binary.AppendUvarint(dst, uint64(r.since))
	dst = binary.AppendUvarint(dst, uint64(r.quantity))
	dst = binary.AppendUvarint(dst, uint64(r.frozen))
	dst = binary.AppendUvarint(dst, uint64(r.cost))
	return binary.AppendVarint(dst, int64(r.realised))
}

func (o *Order) appendState(dst []byte) []byte {
	var flags byte
	if o.Triggered {
		flags |= flagTriggered
	}
	if o.Held {
		flags |= flagHeld
	}
	if o.Expires != 0 {
		flags |= flagExpires
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(o.ID.Number()))
	dst = appendText(dst, o.ClientOrderID.Bytes())
	dst = append(dst, byte(o.Side))
	dst = binary.AppendUvarint(dst, uint64(o.Instrument))
	return o.append(dst, 0)
}

func (b Busted) append(dst []byte, id ExecutionID) []byte {
	dst = binary.AppendUvarint(dst, uint64(id.Number()))
	dst = binary.AppendUvarint(dst, b.Number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.Time))
	dst = appendText(dst, b.Reason)
	return binary.AppendUvarint(dst, uint64(b.CorrectedBy))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// RestoreAccount returns the account that AppendState of this release or an earlier one wrote;
// state must have exactly these bytes. OnMissingIDs says how it gets its client order ids, if
// IDGap has some. opening is what the account started with. Errors are
// ErrVersion and ErrMalformed. It does not retain state, and its memory use is proportional
// to the length of state.
func RestoreAccount(state []byte, opening Opening, o Options) (*Account, error) {
	if len(state) > 0 && (state[0] == 0 || state[0] > stateVersion) {
		return nil, fmt.Errorf("%w: account state version %d", ErrVersion, state[0])
	}
	end := len(state) - 4
	if end < 1 || checksum(state[:end]) != binary.BigEndian.Uint32(state[end:]) {
		return nil, fmt.Errorf("%w: account state: checksum", ErrMalformed)
	}
	a := &Account{options: o.normal(), opening: opening}
	a.recent.max = a.options.Recent
	r := reader{b: state[1:end]}
	early := state[0] == earlyStateVersion
	switch state[0] {
	case earlyStateVersion:
		a.earlyCore(&r)
	case fullStateVersion:
		a.readCore(&r)
		a.readFullIDs(&r)
	default:
		a.readCore(&r)
		a.readIDs(&r)
	}
	if a.customer == 0 || !a.consistent() || !a.readRecent(&r, early) || r.bad || len(r.b) != 0 {
		return nil, fmt.Errorf("%w: account state of customer %d", ErrMalformed, a.customer)
	}
	return a, nil
}

func (a *Account) readCore(r *reader) {
	a.customer = Customer(r.uint32())
	a.lastNumber = r.uvarint()
	a.lastPush = r.uvarint()
	a.lastOrder = r.uint32()
	a.lastExecution = r.uint32()
	a.resetAt = r.uint32()
	a.digest = r.fixed64()
	for _, m := range [...]*Money{&a.cash, &a.frozen, &a.realised, &a.fees, &a.deposits} {
		*m = Money(r.varint())
	}
	for range r.count(MaxRows) {
		a.readRow(r, row{
			instrument: InstrumentID(r.uint32()), since: r.uint32(), quantity: Quantity(r.amount()),
			frozen: Quantity(r.amount()), cost: Money(r.amount()), realised: Money(r.varint()),
		})
	}
	for range r.uvarint() {
		l := lot{InstrumentID(r.uint32()), int64(r.fixed64()), Quantity(r.amount())}
		at, found := a.findLot(l.instrument, l.from)
		if r.bad || found || at != len(a.lots) || l.quantity <= 0 {
			r.fail()
			return
		}
		a.lots = append(a.lots, l)
	}
	for range r.uvarint() {
		d := due{int64(r.fixed64()), Money(r.amount())}
		if r.bad || d.amount <= 0 || len(a.proceeds) > 0 && a.proceeds[len(a.proceeds)-1].from >= d.from {
			r.fail()
			return
		}
		a.proceeds = append(a.proceeds, d)
	}
	for range r.count(MaxOrders) {
		a.readOrder(r)
	}
	for range r.uvarint() {
		n := r.uint32()
		a.readBusted(r, n, Busted{Number: r.uvarint(), Time: int64(r.fixed64()), Reason: r.reason(), CorrectedBy: r.uint32()})
		if r.bad {
			return
		}
	}
}

func (a *Account) readRow(r *reader, next row) {
	if r.bad || !next.valid() || len(a.rows) > 0 && a.rows[len(a.rows)-1].instrument >= next.instrument {
		r.fail()
		return
	}
	a.rows = append(a.rows, next)
}

func (a *Account) readOrder(r *reader) {
	flags := r.byte()
	e := &Event{Kind: KindAccept}
	o := &e.Order
	o.ID = NewOrderID(a.customer, r.uint32())
	r.clientOrderID(&o.ClientOrderID)
	o.Side = Side(r.byte())
	o.Instrument = InstrumentID(r.uint32())
	r.order(e, flags)
	if r.bad || !o.consistent() || e.Cause != 0 || !o.Working() || flags&^(flagTriggered|flagHeld|flagExpires) != 0 ||
		(flags&flagExpires != 0) != (o.Expires != 0) || o.ID.Number() == 0 || o.ID.Number() > a.lastOrder ||
		len(a.orders) > 0 && a.orders[len(a.orders)-1].ID >= o.ID {
		r.fail()
		return
	}
	restored := *o // without the rest of e
	a.orders = append(a.orders, &restored)
}

func (a *Account) readBusted(r *reader, n uint32, b Busted) {
	id := NewExecutionID(a.customer, n)
	if _, twice := a.busted[id]; r.bad || twice || n == 0 || n > a.lastExecution || b.Number > a.lastNumber {
		r.fail()
		return
	}
	if a.busted == nil {
		a.busted = make(map[ExecutionID]Busted)
	}
	a.busted[id] = b
}

// maxNumber limits the event and push numbers of a state.
const maxNumber = 1 << 62

// consistent reports whether the numbers and amounts are within their limits, and the frozen
// amounts are those of the orders.
func (a *Account) consistent() bool {
	if a.lastNumber > maxNumber || a.lastPush > maxNumber || a.resetAt > a.lastExecution {
		return false
	}
	for _, m := range [...]Money{a.cash, a.frozen, a.realised, a.fees, a.deposits} {
		if !withinMoney(m) {
			return false
		}
	}
	cash, unsettled := a.frozen, MaxMoney // less what was counted
	shares := make(map[InstrumentID]Quantity)
	for _, o := range a.orders {
		if cash -= o.Frozen; cash < 0 {
			return false
		}
		shares[o.Instrument] += o.freezesShares()
	}
	for _, d := range a.proceeds {
		if unsettled -= d.amount; unsettled < 0 {
			return false
		}
	}
	for i := range a.rows {
		r := &a.rows[i]
		if r.frozen != shares[r.instrument] {
			return false
		}
		delete(shares, r.instrument)
	}
	for _, q := range shares {
		if q != 0 {
			return false
		}
	}
	return cash == 0
}

// readRecent returns false if the events are not the last events of the account. An early state
// has the client order ids only in its events.
func (a *Account) readRecent(r *reader, early bool) bool {
	n := r.uvarint()
	if r.bad || n > a.lastNumber {
		return false
	}
	push := uint64(0) // the next one
	for number := a.lastNumber - n + 1; number <= a.lastNumber; number++ {
		e, used, err := DecodeEvent(r.b)
		if err != nil || e.Number != number || e.Customer() != a.customer || push != 0 && e.Push != push {
			return false
		}
		r.bytes(used)
		if early && e.Kind == KindBust { // an early state has the reason only once
			e.Text = a.busted[e.Execution.ID].Reason
		}
		a.recent.add(&e)
		push = e.LastPush() + 1
		if early && e.Named && !e.Order.ClientOrderID.IsZero() {
			a.ids.add(&e.Order.ClientOrderID, number, e.Order.ID.Number())
		}
	}
	a.recent.trim()
	return n == 0 || push == a.lastPush+1
}
