package load

import (
	"context"
	"time"
)

// allocations counts the server's heap objects from its making to its stop.
// Owner: the event loop, which stands still while a reading is taken; at these
// times no request is open.
type allocations struct {
	read     func(ctx context.Context) (uint64, error)
	begin    uint64 // the counter
	cost     uint64 // what one reading itself allocates
	answered uint64 // replies before
}

// readingTimeout bounds one reading.
const readingTimeout = 5 * time.Second

// startAllocations returns nil where nothing is to be counted or no reading can
// be had; then the report says why.
func (l *loop) startAllocations(ctx context.Context, r *Report) *allocations {
	read := l.options.hooks.mallocs
	if read == nil || r.Server == nil || l.options.Workload == Idle || l.over() {
		return nil
	}
	a := &allocations{answered: l.tally.answered, read: func(ctx context.Context) (uint64, error) {
		ctx, cancel := context.WithTimeout(ctx, readingTimeout)
		defer cancel()
		return read(ctx)
	}}
	// The first reading may open a connection; the next two show what one costs.
	var readings [3]uint64
	for i := range readings {
		var err error
		if readings[i], err = a.read(ctx); err != nil {
			r.note("allocations were not counted: %v", err)
			return nil
		}
	}
	a.begin, a.cost = readings[2], readings[2]-min(readings[1], readings[2])
	return a
}

// stop divides what was allocated by the replies that came meanwhile. a may be nil.
func (a *allocations) stop(ctx context.Context, l *loop, r *Report) {
	if a == nil || l.over() {
		return
	}
	end, err := a.read(ctx)
	if err != nil {
		r.note("allocations were not counted: %v", err)
		return
	}
	replies := l.tally.answered - a.answered
	if replies == 0 {
		return
	}
	objects := end - min(a.begin+a.cost, end)
	perRequest := float64(objects) / float64(replies)
	r.Server.AllocsPerRequest = &perRequest
}
