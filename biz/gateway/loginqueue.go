package gateway

import (
	"container/list"
	"net/netip"
)

// loginQueue holds the logins whose passwords are to be verified. The addresses take turns,
// and each has its logins in the order of arrival: one that sends many makes its own wait,
// not those of others.
//
// Limit: most. An address may have as many logins as there are free places, so that one
// alone fills half of the queue and there is room for others.
//
// Goroutine: one at a time.
type loginQueue struct {
	most      int
	length    int
	addresses map[netip.Addr]*addressQueue
	turns     list.List // of *addressQueue
}

// addressQueue is the logins of one address. It is never empty.
type addressQueue struct {
	logins list.List // of *login
	turn   *list.Element
}

func newLoginQueue(most int) *loginQueue {
	return &loginQueue{most: most, addresses: make(map[netip.Addr]*addressQueue)}
}

// push adds l. It returns false if there is no place for it.
func (q *loginQueue) push(l *login) bool {
	a := q.addresses[l.address]
	waiting := 0
	if a != nil {
		waiting = a.logins.Len()
	}
	if waiting >= q.most-q.length {
		return false
	}
	if a == nil {
		a = new(addressQueue)
		a.turn = q.turns.PushBack(a)
		q.addresses[l.address] = a
	}
	l.place = a.logins.PushBack(l)
	q.length++
	return true
}

// pop removes the first login of the address whose turn it is; nil if the queue is empty.
func (q *loginQueue) pop() *login {
	first := q.turns.Front()
	if first == nil {
		return nil
	}
	q.turns.MoveToBack(first)
	l := first.Value.(*addressQueue).logins.Front().Value.(*login)
	q.remove(l)
	return l
}

// remove removes l. It returns false if l is not in the queue.
func (q *loginQueue) remove(l *login) bool {
	if l.place == nil {
		return false
	}
	a := q.addresses[l.address]
	a.logins.Remove(l.place)
	l.place = nil
	q.length--
	if a.logins.Len() == 0 {
		q.turns.Remove(a.turn)
		delete(q.addresses, l.address)
	}
	return true
}
