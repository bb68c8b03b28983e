package load

import "math"

// schedule is the fixed timetable of an open loop: request g is due at
// start + g * period and belongs to connection (g mod n) * stride.
type schedule struct {
	start  int64   // nanoseconds of the loop's clock
	end    int64   // no request is due at or after it
	period float64 // nanoseconds between two requests
	next   uint64  // the first request not yet taken
	n      uint64  // connections that send
	stride uint64  // one connection in this many sends
}

func newSchedule(start int64, rate float64, senders, stride int) schedule {
	return schedule{start: start, end: math.MaxInt64, period: 1e9 / rate, n: uint64(senders), stride: uint64(stride)}
}

func (s *schedule) due(g uint64) int64 { return s.start + int64(float64(g)*s.period) }

// dueOf returns when the k-th request of a connection is due.
func (s *schedule) dueOf(connection uint32, k uint64) int64 {
	return s.due(uint64(connection)/s.stride + k*s.n)
}

// take returns the connection of the next request, if it is due.
func (s *schedule) take(now int64) (connection uint32, ok bool) {
	due := s.due(s.next)
	if due > now || due >= s.end {
		return 0, false
	}
	connection = uint32(s.next % s.n * s.stride)
	s.next++
	return connection, true
}
