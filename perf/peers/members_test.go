package peers_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/perf/peers"
)

// reached returns the members that a broadcast reaches, sorted.
func reached(m *peers.Members[int]) []int {
	var all []int
	m.Broadcast(func(c int) { all = append(all, c) })
	slices.Sort(all)
	return all
}

func TestMembers(t *testing.T) {
	var m peers.Members[int]
	refused := errors.New("refused")
	for c := range 4 {
		_, err := m.Join(func() (int, error) {
			if c == 2 {
				return c, refused
			}
			return c, nil
		})
		if (c == 2) != errors.Is(err, refused) {
			t.Errorf("%d joins with %v", c, err)
		}
	}
	m.Leave(1)
	m.Leave(7) // not a member
	if got := reached(&m); !slices.Equal(got, []int{0, 3}) {
		t.Errorf("a broadcast reaches %d, want 0 and 3", got)
	}
}

// All members get messages in the same order, whoever sends at the same time.
func TestBroadcastsHaveOneOrder(t *testing.T) {
	const members, senders, each = 4, 8, 50
	var m peers.Members[int]
	for c := range members {
		_, _ = m.Join(func() (int, error) { return c, nil })
	}
	var got [members][]int
	var locks [members]sync.Mutex
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := range each {
				m.Broadcast(func(c int) {
					locks[c].Lock()
					got[c] = append(got[c], sender*each+n)
					locks[c].Unlock()
					runtime.Gosched()
				})
			}
		})
	}
	all.Wait()
	for c := range got {
		if len(got[c]) != senders*each || !slices.Equal(got[c], got[0]) {
			t.Fatalf("member %d got %d messages in another order than member 0", c, len(got[c]))
		}
	}
}

// TestBroadcastDuringHandshake: a message that is sent before Join has returned, after
// the client has the response, reaches that client.
func TestBroadcastDuringHandshake(t *testing.T) {
	var m peers.Members[int]
	got := make(chan []int, 1)
	_, err := m.Join(func() (int, error) {
		go func() { got <- reached(&m) }()
		select {
		case all := <-got:
			got <- all
		case <-time.After(20 * time.Millisecond): // it waits for Join; a slow start cannot fail the test
		}
		return 1, nil
	})
	if all := <-got; err != nil || !slices.Equal(all, []int{1}) {
		t.Errorf("the message reaches %d, want 1; error %v", all, err)
	}
}
