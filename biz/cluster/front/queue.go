package front

import (
	"holdfast/biz/ledger"
	"holdfast/engine"
)

// request is a client's request that was forwarded.
type request struct {
	reply    engine.Request  // what to answer
	frame    []byte          // as the venue gets it
	customer ledger.Customer // of a Login
	large    bool            // its reply may be large
	once     bool            // it is not safe to send again
	resent   bool            // it was sent before, over a link that broke
	merge    *merge          // of a request to all venues; nil: the reply is passed on
}

// newRequest returns an empty request.
func (f *Front) newRequest() *request { return f.requests.Get().(*request) }

// maxIdleFrame is the largest frame whose memory is kept.
const maxIdleFrame = 4 << 10

// free is called when a request has its reply, or never gets one.
func (f *Front) free(r *request) {
	f.unanswered.Add(-1)
	frame := r.frame[:0]
	if cap(frame) > maxIdleFrame {
		frame = nil
	}
	*r = request{frame: frame}
	f.requests.Put(r)
}

// queue has the requests of a shadow in the order of their numbers, without gaps: one that is
// answered before an earlier one is nil.
type queue struct {
	list   []*request
	head   int // before it all are answered
	unsent int // from it on none is sent
	count  int // of those that are not answered
}

func (q *queue) len() int { return q.count }

func (q *queue) add(r *request) {
	q.list = append(q.list, r)
	q.count++
}

// next returns the first request that was not sent, or nil.
func (q *queue) next() *request {
	for ; q.unsent < len(q.list); q.unsent++ {
		if r := q.list[q.unsent]; r != nil {
			return r
		}
	}
	return nil
}

// sent notes that what next has returned is sent.
func (q *queue) sent() { q.unsent++ }

// again makes next return the requests again that were sent and not answered.
func (q *queue) again() {
	for _, r := range q.list[q.head:q.unsent] {
		if r != nil {
			r.resent = true
		}
	}
	q.unsent = q.head
}

// unsafe reports whether a request was sent that must not be sent again.
func (q *queue) unsafe() bool {
	for _, r := range q.list[q.head:q.unsent] {
		if r != nil && r.once {
			return true
		}
	}
	return false
}

// answer removes and returns the request with a number, nil if there is no such request. last is the number of the
// newest.
func (q *queue) answer(number, last uint64) *request {
	if number > last || last-number >= uint64(len(q.list)-q.head) {
		return nil
	}
	i := len(q.list) - 1 - int(last-number)
	r := q.list[i]
	if r == nil {
		return nil
	}
	q.list[i] = nil
	q.count--
	for q.head < len(q.list) && q.list[q.head] == nil {
		q.head++
	}
	if q.head > len(q.list)/2 { // mostly all are answered
		n := copy(q.list, q.list[q.head:])
		clear(q.list[n:])
		q.list, q.unsent, q.head = q.list[:n], max(0, q.unsent-q.head), 0
	}
	return r
}

// drop removes all requests.
func (q *queue) drop(f *Front) {
	for _, r := range q.list {
		if r != nil {
			f.free(r)
		}
	}
	*q = queue{}
}
