package load

// timer is the moment, on the loop's clock, when a connection is due.
type timer struct {
	due        int64
	connection uint32
}

// timers is a binary heap, the earliest first. Limit: one per connection.
type timers struct {
	heap []timer
}

// next returns the earliest moment; ok is false if the heap is empty.
func (t *timers) next() (due int64, ok bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].due, true
}

func (t *timers) push(added timer) {
	t.heap = append(t.heap, added)
	i := len(t.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].due <= added.due {
			break
		}
		t.heap[i] = t.heap[parent]
		i = parent
	}
	t.heap[i] = added
}

// pop removes the earliest timer; the heap must not be empty.
func (t *timers) pop() timer {
	first, last := t.heap[0], t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	if len(t.heap) > 0 {
		t.sink(last)
	}
	return first
}

// sink inserts moved at the root and moves it down to its place.
func (t *timers) sink(moved timer) {
	i := 0
	for child := 1; child < len(t.heap); child = 2*i + 1 {
		if child+1 < len(t.heap) && t.heap[child+1].due < t.heap[child].due {
			child++
		}
		if moved.due <= t.heap[child].due {
			break
		}
		t.heap[i] = t.heap[child]
		i = child
	}
	t.heap[i] = moved
}
