package ledger

import (
	"math/bits"
	"slices"
)

// nanosPerDay is the length of a day in nanoseconds.
const nanosPerDay = 86_400_000_000_000

// clientIDs remembers the client order ids of today and yesterday (in UTC), and those of
// the events in memory. So an id is remembered for 24 hours at least, which is longer than a
// trading day, wherever the market is.
//
// Each id is a hash in a log, in the order in which the ids came. Nearly all ids are new. One
// that comes after all others in the order of their bytes, as counters and times do, needs no
// look at the memory of all of them, which is not in the processor's cache. For others a table
// of 16-bit tags shows it; it is made when the first of them comes. An id takes 8 bytes in the
// log and 4 to 8 in the table.
type clientIDs struct {
	hashes  []uint64 // the log, after missing
	first   uint64   // number of the first id: how many were forgotten, a multiple of chunkIDs
	last    idPiece  // of the newest hashes, chunkIDs of them at most
	highest ClientOrderID
	day     int64 // the newest day that was seen, since the Unix epoch

	pieces []idPiece // of the hashes before, chunkIDs each
	tags   []uint64  // hash table of groups of four tags, with linear probing; a tag of 0 is free
	tagged int       // how many of hashes are in tags
	// The numbers of the first events of day and of the day before it.
	today, yesterday uint64

	missing uint64       // how many ids RestoreIDs has to put before hashes
	load    func() error // calls it for them
	loaded  *clientIDs   // what it has read so far; else nil
}

// idPiece says where the ids of a piece of the log are from.
type idPiece struct {
	event uint64 // that has the first id
	first uint32 // smallest number of their orders
	last  uint32 // largest one
}

// chunkIDs is the number of ids in a piece.
const chunkIDs = 256

// count returns how many ids are remembered.
func (c *clientIDs) count() int { return int(c.missing) + len(c.hashes) }

// piece returns a piece; the last one is len(c.pieces). No id may be missing.
func (c *clientIDs) piece(n int) *idPiece {
	if n < len(c.pieces) {
		return &c.pieces[n]
	}
	return &c.last
}

// Constants to work on the four tags of a group at once.
const (
	tagsPerGroup = 4
	tagBits      = 16
	eachTag      = 1<<48 | 1<<32 | 1<<16 | 1
)

// zeroTags returns a number whose lowest bit that is set is in the first tag that is zero; 0 if
// there is no such tag.
func zeroTags(group uint64) uint64 { return (group - eachTag) &^ group & (eachTag << (tagBits - 1)) }

// tagOf returns the tag of a hash and the group where a search for it starts.
func (c *clientIDs) tagOf(hash uint64) (tag, group uint64) {
	return max(hash>>(64-tagBits), 1), hash & uint64(len(c.tags)-1)
}

// mayHave reports whether an id with this hash may be in the log. Its branches nearly always go
// the same way, so that the processor does not wait for the table's memory.
func (c *clientIDs) mayHave(hash uint64) bool {
	if c.count() == 0 {
		return false
	}
	c.tagRest()
	tag, i := c.tagOf(hash)
	for mask := uint64(len(c.tags) - 1); ; i = (i + 1) & mask {
		switch group := c.tags[i]; {
		case zeroTags(group^tag*eachTag) != 0:
			return true
		case zeroTags(group) != 0:
			return false
		}
	}
}

// add adds an id that an event has given to an order.
func (c *clientIDs) add(id *ClientOrderID, event uint64, order uint32) {
	if n := c.count(); n%chunkIDs == 0 {
		if n > 0 {
			c.pieces = append(c.pieces, c.last)
		}
		c.last = idPiece{event: event, first: order}
	}
	c.hashes = append(c.hashes, id.hash())
	c.last.first, c.last.last = min(c.last.first, order), max(c.last.last, order)
	if id.after(&c.highest) {
		c.highest = *id
	}
}

// tagRest adds the ids to the table that are not there yet.
func (c *clientIDs) tagRest() {
	if 2*c.count() > tagsPerGroup*len(c.tags) {
		groups := 4
		for tagsPerGroup*groups < 2*c.count() {
			groups *= 2
		}
		c.tags, c.tagged = make([]uint64, groups), 0
	}
	for ; c.tagged < c.count(); c.tagged++ {
		c.insert(c.hashes[c.tagged])
	}
}

func (c *clientIDs) insert(hash uint64) {
	tag, i := c.tagOf(hash)
	for mask := uint64(len(c.tags) - 1); ; i = (i + 1) & mask {
		if free := zeroTags(c.tags[i]); free != 0 {
			c.tags[i] |= tag << (bits.TrailingZeros64(free) / tagBits * tagBits)
			return
		}
	}
}

// find returns the number of the newest piece that has an id with this hash.
func (c *clientIDs) find(hash uint64) (piece int, found bool) {
	for i := len(c.hashes) - 1; i >= 0; i-- {
		if c.hashes[i] == hash {
			return i / chunkIDs, true
		}
	}
	return 0, false
}

// dropBefore forgets the pieces that have only ids of events before this one.
func (c *clientIDs) dropBefore(event uint64) {
	n := 0
	for n < len(c.pieces) && c.piece(n+1).event <= event {
		n++
	}
	if n == 0 {
		return
	}
	c.pieces = slices.Clone(c.pieces[n:])
	c.hashes = slices.Clone(c.hashes[n*chunkIDs:])
	c.first += uint64(n) * chunkIDs
	c.tags, c.tagged = nil, 0
}

// roll forgets what is older than yesterday and not in memory. number is that of the next
// event, at is its time.
func (a *Account) roll(at int64, number uint64) {
	c := &a.ids
	day := at / nanosPerDay
	if day <= c.day {
		return
	}
	if c.yesterday = c.today; day > c.day+1 {
		c.yesterday = number
	}
	c.day, c.today = day, number
	if a.LoadIDs() == nil {
		a.forget()
	}
}

// forget forgets the ids that are not of today, yesterday or the events in memory. None may be missing.
func (a *Account) forget() { a.ids.dropBefore(min(a.ids.yesterday, a.firstRecent())) }

// remember records the client order id of an event's order.
func (a *Account) remember(e *Event) {
	id := &e.Order.ClientOrderID
	if id.IsZero() {
		return
	}
	if e.Time/nanosPerDay > a.ids.day {
		a.roll(e.Time, e.Number)
	}
	a.ids.add(id, e.Number, e.Order.ID.Number())
}

// Named is where a client order id was used: in one of these events, by one of these orders.
type Named struct {
	FirstEvent, LastEvent uint64
	FirstOrder, LastOrder OrderID
	// Event is the event, 0 if it is not in memory. Then another id may be meant, with a
	// probability of 2^-64 for each pair of ids: the caller compares.
	Event uint64
}

// FindNamed returns where a client order id was used, if it is remembered. If LoadIDs fails, any
// event and order may have used it.
func (a *Account) FindNamed(id *ClientOrderID) (n Named, found bool) {
	if id.IsZero() || id.after(&a.ids.highest) {
		return n, false
	}
	if a.LoadIDs() != nil {
		return Named{LastEvent: a.lastNumber, FirstOrder: NewOrderID(a.customer, 0), LastOrder: NewOrderID(a.customer, a.lastOrder)}, true
	}
	hash := id.hash()
	if !a.ids.mayHave(hash) {
		return n, false
	}
	chunk, found := a.ids.find(hash)
	if !found {
		return n, false
	}
	piece := a.ids.piece(chunk)
	n.FirstEvent, n.LastEvent = piece.event, a.lastNumber
	if chunk < len(a.ids.pieces) {
		n.LastEvent = a.ids.piece(chunk+1).event - 1
	}
	n.FirstOrder, n.LastOrder = NewOrderID(a.customer, piece.first), NewOrderID(a.customer, piece.last)
	for e := range a.newestFirst {
		switch {
		case e.Number < n.FirstEvent:
			return n, false // all of the piece is in memory: another id has the hash
		case e.Number <= n.LastEvent && e.Named && e.Order.ClientOrderID == *id:
			n.Event = e.Number
			return n, true
		}
	}
	return n, n.FirstEvent < a.firstRecent()
}
