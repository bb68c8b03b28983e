package ledger

// recent is a ring of the newest events with an index by client order id. It grows with the
// events, so an unused account needs no memory for it.
type recent struct {
	events []Event
	// tags has the index tag of each event, 0 for an event without one. It avoids
	// reading an old event, which is no longer in the processor's cache, before it is
	// overwritten.
	tags  []tag
	index index
	max   int
	head  int // the oldest event once the ring is full
}

// find returns the fill with this client order id, or nil. t is the tag of the id.
func (r *recent) find(id *ClientOrderID, t tag) *Event {
	if t == 0 || len(r.index) == 0 {
		return nil
	}
	at := r.index.find(t, func(slot int) bool { return r.events[slot].Execution.ClientOrderID == *id })
	if at < 0 {
		return nil
	}
	return &r.events[r.index[at].slot-1]
}

// add adds a copy of the event. If the ring is full, it drops the oldest event. t is the tag
// of a fill's client order id, 0 for a bust.
func (r *recent) add(e *Event, t tag) {
	if r.max == 0 {
		return
	}
	slot := r.slot()
	r.events[slot] = *e
	r.tags[slot] = t
	if t != 0 {
		r.put(slot, t)
	}
}

// slot returns a free slot. If the ring is full, it drops the oldest event.
func (r *recent) slot() int {
	n := len(r.events)
	if n == r.max {
		slot := r.head
		r.drop(slot)
		if r.head++; r.head == r.max {
			r.head = 0
		}
		return slot
	}
	if n == cap(r.events) {
		r.grow(min(r.max, max(4, 2*n)))
	}
	r.events, r.tags = r.events[:n+1], r.tags[:n+1]
	return n
}

func (r *recent) grow(size int) {
	r.events = append(make([]Event, 0, size), r.events...)
	r.tags = append(make([]tag, 0, size), r.tags...)
	r.index = r.index.grown(size)
}

// put makes the client order id of the event in slot refer to this event.
func (r *recent) put(slot int, t tag) {
	id := &r.events[slot].Execution.ClientOrderID
	at := r.index.find(t, func(other int) bool { return r.events[other].Execution.ClientOrderID == *id })
	if at >= 0 {
		r.index[at].slot = uint16(slot + 1)
		return
	}
	r.index.insert(entry{tag: t, slot: uint16(slot + 1)})
}

// drop removes the event in slot from the index, unless its id refers to a newer event.
func (r *recent) drop(slot int) {
	t := r.tags[slot]
	if t == 0 {
		return
	}
	if at := r.index.find(t, func(other int) bool { return other == slot }); at >= 0 {
		r.index.remove(at)
	}
}

// at returns the ith event; 0 is the oldest.
func (r *recent) at(i int) *Event {
	if i += r.head; i >= len(r.events) {
		i -= len(r.events)
	}
	return &r.events[i]
}
