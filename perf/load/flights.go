package load

// flight is a group of requests whose latency counts from the same moment.
type flight struct {
	at int64 // nanoseconds of the loop's clock
	n  int
}

// flights is a connection's open requests, oldest first. Limit: the depth.
type flights struct {
	queue []flight
	head  int
}

func (f *flights) push(at int64, n int) {
	if f.head > 0 && len(f.queue) == cap(f.queue) {
		f.queue = f.queue[:copy(f.queue, f.queue[f.head:])]
		f.head = 0
	}
	f.queue = append(f.queue, flight{at: at, n: n})
}

// take removes at most limit requests of the oldest group.
func (f *flights) take(limit int) flight {
	oldest := &f.queue[f.head]
	taken := flight{at: oldest.at, n: min(limit, oldest.n)}
	oldest.n -= taken.n
	if oldest.n == 0 {
		f.head++
	}
	if f.head == len(f.queue) {
		f.queue, f.head = f.queue[:0], 0
	}
	return taken
}
