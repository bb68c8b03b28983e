package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// The client order ids of an account have numbers, from 0 on in the order in which they came. So a
// checkpoint stores only those that came after the one before.

// IDs returns the numbers of the client order ids that the account remembers: from first to before
// end.
func (a *Account) IDs() (first, end uint64) { return a.ids.first, a.ids.end() }

func (c *clientIDs) end() uint64 { return c.first + uint64(c.count()) }

// AppendIDs appends the client order ids from a number on, which is one that IDs returns. None from
// there on may be missing.
//
//	uvarint  number of the first id, and how many there are
//	uvarint  for each 256 ids from a multiple of 256 on that have some of them: the event of the first
//	         id, smallest and largest order number
//	8 bytes  for each id, big-endian
func (a *Account) AppendIDs(dst []byte, from uint64) []byte {
	c := &a.ids
	dst = binary.AppendUvarint(dst, from)
	before := c.first + c.missing // of hashes
	hashes := c.hashes[from-before:]
	dst = binary.AppendUvarint(dst, uint64(len(hashes)))
	if len(hashes) == 0 {
		return dst
	}
	for n := int((from-c.first)/chunkIDs) - c.missingPieces(); n <= len(c.pieces); n++ {
		dst = c.piece(n).append(dst)
	}
	for _, hash := range hashes {
		dst = binary.BigEndian.AppendUint64(dst, hash)
	}
	return dst
}

func (p *idPiece) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, p.event)
	dst = binary.AppendUvarint(dst, uint64(p.first))
	return binary.AppendUvarint(dst, uint64(p.last))
}

// missingPieces returns how many pieces are missing before c.pieces.
func (c *clientIDs) missingPieces() int {
	if c.missing == 0 {
		return 0
	}
	return int((c.missing - 1) / chunkIDs)
}

// appendState appends everything but the ids before the newest piece.
func (c *clientIDs) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.day))
	dst = binary.AppendUvarint(dst, c.today)
	dst = binary.AppendUvarint(dst, c.yesterday)
	dst = appendText(dst, c.highest.Bytes())
	dst = binary.AppendUvarint(dst, c.first)
	dst = binary.AppendUvarint(dst, uint64(c.count()))
	if c.count() == 0 {
		return dst
	}
	return c.last.append(dst)
}

// readIDs reads what appendState has written.
func (a *Account) readIDs(r *reader) {
	c := &a.ids
	c.day, c.today, c.yesterday = r.amount(), r.uvarint(), r.uvarint()
	r.clientOrderID(&c.highest)
	c.first, c.missing = r.uvarint(), r.uvarint()
	if c.first%chunkIDs != 0 || c.first > maxNumber || c.missing > maxNumber {
		r.fail()
	}
	if c.missing > 0 {
		c.readPiece(r, a, false)
	}
}

// readFullIDs is readIDs for a full state.
func (a *Account) readFullIDs(r *reader) {
	c := &a.ids
	c.day, c.today, c.yesterday = r.amount(), r.uvarint(), r.uvarint()
	r.clientOrderID(&c.highest)
	for i := range r.uvarint() {
		if i%chunkIDs == 0 {
			c.readPiece(r, a, i > 0)
		}
		c.hashes = append(c.hashes, r.fixed64())
		if r.bad {
			return
		}
	}
}

// readPiece reads the newest piece of an account: it comes after the newest one so far, or replaces it,
// which had fewer ids then.
func (c *clientIDs) readPiece(r *reader, a *Account, after bool) {
	if after {
		c.pieces = append(c.pieces, c.last)
	}
	c.last = idPiece{event: r.uvarint(), first: r.uint32(), last: r.uint32()}
	if n := len(c.pieces); n > 0 && c.last.event <= c.pieces[n-1].event || c.last.event == 0 || c.last.event > a.lastNumber ||
		c.last.first > c.last.last || c.last.last > a.lastOrder {
		r.fail()
	}
}

// OnMissingIDs sets what LoadIDs calls if client order ids are missing: it must call RestoreIDs for all
// their parts. It is called once; if it fails, LoadIDs returns the error from then on.
func (a *Account) OnMissingIDs(load func() error) { a.ids.load = load }

// LoadIDs adds the client order ids that are missing, as OnMissingIDs says.
func (a *Account) LoadIDs() error {
	c := &a.ids
	switch {
	case c.missing == 0:
		return nil
	case c.load == nil:
		return fmt.Errorf("%w: %d client order ids of customer %d are missing", ErrMalformed, c.missing, a.customer)
	}
	read := &clientIDs{first: c.first}
	c.loaded = read
	err := c.load()
	c.loaded = nil
	if err == nil && (uint64(read.count()) != c.missing || len(read.pieces) != c.missingPieces()) {
		err = fmt.Errorf("%w: %d client order ids of customer %d instead of %d", ErrMalformed, read.count(), a.customer, c.missing)
	}
	if err != nil {
		c.load = func() error { return err }
		return err
	}
	c.hashes, c.pieces = append(read.hashes, c.hashes...), append(read.pieces, c.pieces...)
	c.missing, c.load = 0, nil
	a.forget()
	return nil
}

// maxGrow is for how many ids RestoreIDs makes room before it has read them.
const maxGrow = 1 << 20

// RestoreIDs reads client order ids that AppendIDs wrote, within the function of OnMissingIDs. The parts
// must come in their order; ids that the account had forgotten are skipped. Errors are ErrMalformed.
func (a *Account) RestoreIDs(part []byte) error {
	c := &a.ids
	g := IDGap{first: c.first, next: c.loaded.end(), end: c.first + c.missing}
	r := reader{b: part}
	if from, count := g.take(&r); count > 0 {
		a.readPart(&r, from, count)
		if len(r.b) > 0 {
			r.fail()
		}
	}
	if r.bad {
		return fmt.Errorf("%w: client order ids of customer %d from %d on", ErrMalformed, a.customer, c.loaded.end())
	}
	return nil
}

// An IDGap is the client order ids that an account misses, and how many of them were seen in parts.
type IDGap struct{ first, next, end uint64 }

// IDGap returns the client order ids that RestoreAccount did not restore, and LoadIDs did not load yet.
func (a *Account) IDGap() IDGap {
	return IDGap{first: a.ids.first, next: a.ids.first, end: a.ids.first + a.ids.missing}
}

// Left returns how many ids were not seen yet.
func (g *IDGap) Left() uint64 { return g.end - g.next }

// Add sees a part, without its ids. It returns false if RestoreIDs would refuse the part after those
// that were seen.
func (g *IDGap) Add(part []byte) bool {
	r := reader{b: part}
	g.take(&r)
	return !r.bad
}

// take reads the number of the first id of a part, and how many it has: 0 if all of them are forgotten.
func (g *IDGap) take(r *reader) (from, count uint64) {
	from, count = r.uvarint(), r.uvarint()
	switch {
	case r.bad, from > maxNumber, count > uint64(len(r.b)/8), from+count > g.end:
		r.fail()
	case from+count <= g.first:
		return from, 0
	case from != g.next && (from > g.next || g.next > g.first):
		r.fail()
	default:
		g.next = from + count
		return from, count
	}
	return 0, 0
}

// readPart reads the pieces and the ids of a part, which are the next ones after those that are
// forgotten.
func (a *Account) readPart(r *reader, from, count uint64) {
	c := a.ids.loaded
	next := c.end()
	for start := from / chunkIDs * chunkIDs; start < from+count; start += chunkIDs {
		if start+chunkIDs <= next {
			_, _, _ = r.uvarint(), r.uint32(), r.uint32()
			continue
		}
		c.readPiece(r, a, start >= next && start > c.first)
	}
	r.bytes(int(next-from) * 8)
	b := r.bytes(int(from+count-next) * 8)
	if r.bad {
		return
	}
	c.hashes = slices.Grow(c.hashes, int(min(a.ids.missing-uint64(len(c.hashes)), maxGrow)))
	for ; len(b) > 0; b = b[8:] {
		c.hashes = append(c.hashes, binary.BigEndian.Uint64(b))
	}
}
