package load

import (
	"context"
	"time"
)

// readingTimeout bounds one reading of the server's counter.
const readingTimeout = 5 * time.Second

// startAllocations starts to count the server's heap objects, if the options ask for it.
// stop divides them by the replies since then; if a reading fails, the report says why.
// The event loop waits during a reading, when no request is open.
func (l *loop) startAllocations(r *Report) (stop func()) {
	if l.options.Mallocs == nil || r.Server == nil || l.options.Workload.waits() || l.over() {
		return func() {}
	}
	read := func() (objects uint64, ok bool) {
		ctx, cancel := context.WithTimeout(l.ctx, readingTimeout)
		defer cancel()
		objects, err := l.options.Mallocs(ctx)
		if err != nil {
			r.warn("allocations were not counted: %v", err)
		}
		return objects, err == nil
	}
	// The first reading may open a connection; the next two show the cost of one reading.
	var readings [3]uint64
	for i := range readings {
		var ok bool
		if readings[i], ok = read(); !ok {
			return func() {}
		}
	}
	start, cost := readings[2], readings[2]-min(readings[1], readings[2])
	answered := l.tally.answered
	return func() {
		if l.over() {
			return
		}
		objects, ok := read()
		if replies := l.tally.answered - answered; ok && replies > 0 {
			perRequest := float64(objects-min(start+cost, objects)) / float64(replies)
			r.Server.AllocsPerRequest = &perRequest
		}
	}
}
