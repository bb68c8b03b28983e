package gateway

import (
	"net/netip"
	"slices"
	"testing"
)

// from returns a login from the nth address.
func from(n byte) *login { return &login{address: netip.AddrFrom4([4]byte{192, 0, 2, n})} }

// TestLoginQueueTakesTurns: an address with many logins does not make those of others wait.
func TestLoginQueueTakesTurns(t *testing.T) {
	q := newLoginQueue(100)
	var want, got []*login
	many := []*login{from(1), from(1), from(1), from(1)}
	two := []*login{from(2), from(2)}
	one := from(3)
	for _, l := range slices.Concat(many, two, []*login{one}) {
		if !q.push(l) {
			t.Fatal("no place")
		}
	}
	want = []*login{many[0], two[0], one, many[1], two[1], many[2], many[3]}
	for l := q.pop(); l != nil; l = q.pop() {
		got = append(got, l)
	}
	if !slices.Equal(got, want) {
		t.Error("wrong order")
	}
	if q.length != 0 || len(q.addresses) != 0 || q.turns.Len() != 0 {
		t.Errorf("%d logins, %d addresses, %d turns are left", q.length, len(q.addresses), q.turns.Len())
	}
}

// TestLoginQueueShares: an address alone fills half of the queue, and there is always room for
// the first login of another address until the queue is full.
func TestLoginQueueShares(t *testing.T) {
	q := newLoginQueue(64)
	takeAll := func(n byte) (taken int) {
		for q.push(from(n)) {
			taken++
		}
		return taken
	}
	for n, want := range []int{32, 16, 8, 4, 2, 1, 1, 0} {
		if got := takeAll(byte(n)); got != want {
			t.Errorf("address %d has %d places, want %d", n, got, want)
		}
	}
	q.remove(q.pop())
	if q.push(from(0)) {
		t.Error("an address with many logins takes the place that others need")
	}
	if !q.push(from(200)) {
		t.Error("no place for a new address")
	}
}

// TestLoginQueueRemoves: a login that is removed frees its place and has no turn.
func TestLoginQueueRemoves(t *testing.T) {
	q := newLoginQueue(4)
	first, second, other := from(1), from(1), from(2)
	for _, l := range []*login{first, second, other} {
		if !q.push(l) {
			t.Fatal("no place")
		}
	}
	if q.push(from(2)) {
		t.Error("a place beyond the share")
	}
	if !q.remove(first) || q.remove(first) || q.length != 2 {
		t.Errorf("%d logins after one was removed", q.length)
	}
	if l := q.pop(); l != second {
		t.Error("the second login is not the next")
	}
	if l := q.pop(); l != other || q.pop() != nil {
		t.Error("the other address has no turn")
	}
}
