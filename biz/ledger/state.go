package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// stateVersion is the first byte of a state.
const stateVersion = 1

// AppendState appends a binary snapshot of the complete account, with the recent events and
// the busted executions.
//
//	byte     version
//	core     customer ... busted; Hash uses the same bytes
//	uvarint  number of recent events, then each, oldest first, without a reason
//	4 bytes  CRC32C of everything before, big-endian
func (a *Account) AppendState(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, stateVersion)
	dst = a.appendCore(dst)
	n := len(a.recent.events)
	dst = binary.AppendUvarint(dst, uint64(n))
	for i := range n {
		dst = AppendEvent(dst, a.recent.at(i), "")
	}
	return binary.BigEndian.AppendUint32(dst, checksum(dst[start:]))
}

// Hash returns the SHA-256 of the account's state: customer, cash, realised profit, numbers,
// positions, busted executions, and a digest of every event since the account was opened.
// The same starting state and the same events result in the same hash on every machine,
// whether the events were placed or replayed, from the beginning or from a snapshot. The
// number of recent events in memory is a setting and does not count.
func (a *Account) Hash() [32]byte { return sha256.Sum256(a.appendCore(nil)) }

func (a *Account) appendCore(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.customer))
	dst = binary.AppendUvarint(dst, a.lastNumber)
	dst = binary.AppendUvarint(dst, uint64(a.lastExecution))
	dst = binary.BigEndian.AppendUint64(dst, a.digest)
	dst = binary.AppendVarint(dst, int64(a.cash))
	dst = binary.AppendVarint(dst, int64(a.realised))
	dst = binary.AppendUvarint(dst, uint64(len(a.rows)))
	for i := range a.rows {
		dst = a.rows[i].append(dst)
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
	dst = binary.AppendUvarint(dst, uint64(r.cost))
	return binary.AppendVarint(dst, int64(r.realised))
}

func (b Busted) append(dst []byte, id ExecutionID) []byte {
	dst = binary.AppendUvarint(dst, uint64(id.Number()))
	dst = binary.AppendUvarint(dst, b.Number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.Time))
	dst = append(dst, byte(len(b.Reason)))
	return append(dst, b.Reason...)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// RestoreAccount returns the account that AppendState wrote; state must have exactly these
// bytes. The newest recentMax of its events stay in memory. Errors are ErrVersion and
// ErrMalformed. It does not retain state, and its memory use is proportional to the length
// of state.
func RestoreAccount(state []byte, recentMax int) (*Account, error) {
	if len(state) > 0 && state[0] != stateVersion {
		return nil, fmt.Errorf("%w: account state version %d", ErrVersion, state[0])
	}
	end := len(state) - 4
	if end < 1 || checksum(state[:end]) != binary.BigEndian.Uint32(state[end:]) {
		return nil, fmt.Errorf("%w: account state: checksum", ErrMalformed)
	}
	a := &Account{recent: recent{max: clampRecent(recentMax)}}
	r := reader{b: state[1:end]}
	a.readCore(&r)
	if !a.readRecent(&r) || r.bad || len(r.b) != 0 {
		return nil, fmt.Errorf("%w: account state of customer %d", ErrMalformed, a.customer)
	}
	return a, nil
}

func (a *Account) readCore(r *reader) {
	a.customer = Customer(r.uint32())
	a.lastNumber = r.uvarint()
	a.lastExecution = r.uint32()
	a.digest = r.fixed64()
	a.cash = Money(r.varint())
	a.realised = Money(r.varint())
	if a.customer == 0 || !withinMoney(a.cash) || !withinMoney(a.realised) {
		r.fail()
	}
	a.readRows(r)
	a.readBusted(r)
}

func (a *Account) readRows(r *reader) {
	n := r.uint32()
	if n > MaxRows || int(n) > len(r.b) {
		r.fail()
		return
	}
	for i := range n {
		next := row{
			instrument: InstrumentID(r.uint32()), since: r.uint32(),
			quantity: Quantity(r.amount()), cost: Money(r.amount()), realised: Money(r.varint()),
		}
		if r.bad || !next.valid() || (i > 0 && a.rows[i-1].instrument >= next.instrument) {
			r.fail()
			return
		}
		a.rows = append(a.rows, next)
	}
}

func (a *Account) readBusted(r *reader) {
	var last uint32
	for range r.uvarint() {
		n := r.uint32()
		b := Busted{Number: r.uvarint(), Time: int64(r.fixed64()), Reason: r.reason()}
		if r.bad || n <= last || n > a.lastExecution || b.Number > a.lastNumber {
			r.fail()
			return
		}
		if a.busted == nil {
			a.busted = make(map[ExecutionID]Busted)
		}
		a.busted[NewExecutionID(a.customer, n)] = b
		last = n
	}
}

// readRecent returns false if the events are not the last events of the account.
func (a *Account) readRecent(r *reader) bool {
	n := r.uvarint()
	if r.bad || n > a.lastNumber {
		return false
	}
	for number := a.lastNumber - n + 1; number <= a.lastNumber; number++ {
		e, _, used, err := DecodeEvent(r.b)
		if err != nil || e.Number != number || e.Customer() != a.customer {
			return false
		}
		r.bytes(used)
		a.recent.add(&e, e.tag(e.Execution.ClientOrderID.hash()))
	}
	return true
}
