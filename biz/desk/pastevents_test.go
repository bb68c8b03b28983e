package desk_test

import (
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// TestPastEvents: events that are no longer in memory come from the journal as they were, however many
// batches are after them, also after a restart.
func TestPastEvents(t *testing.T) {
	const events = 600 // in as many batches, more than are read first
	d := open(t, setup{})
	for n := range events {
		for _, c := range []ledger.Customer{alice, carol} {
			must(t, d.Account(c).Do(d.turn, func(turn *desk.Turn) {
				if _, err := turn.Place(new(marketOrder(ledger.Buy, 0, 1, n))); err != nil {
					t.Error(err)
				}
			}))
		}
		must(t, d.Durable(t.Context()))
	}
	check := func(d *opened) {
		t.Helper()
		for _, span := range [][2]uint64{{1, 1}, {1, events}, {events / 2, events/2 + 9}, {events - 1, events}, {events, events + 100}, {events + 1, events + 2}} {
			list, err := d.PastEvents(t.Context(), d.Account(alice), span[0], span[1], new(desk.PastPlace))
			must(t, err)
			want := int(min(span[1], events) + 1 - min(span[0], events+1))
			if len(list) != want {
				t.Errorf("%d events from %d to %d, want %d", len(list), span[0], span[1], want)
			}
			for n := range list {
				if e := &list[n]; e.Number != span[0]+uint64(n) || e.Customer() != alice || uint64(e.Execution.ID.Number()) != e.Number {
					t.Errorf("event %d of %v is %d of %d", n, span, e.Number, e.Customer())
				}
			}
		}
	}
	check(d)
	check(open(t, ways[0].do(d)))
}

// TestPastEventsInPieces: to read many events in pieces reads each batch of the journal only a few times.
func TestPastEventsInPieces(t *testing.T) {
	const batches, each, piece = 2000, 25, 500
	d := open(t, setup{})
	a := d.Account(alice)
	for n := range batches {
		for i := range each {
			must(t, a.Do(d.turn, func(turn *desk.Turn) {
				id := n*each + i
				if _, err := turn.Place(new(marketOrder([]ledger.Side{ledger.Buy, ledger.Sell}[id%2], 0, 1, id))); err != nil {
					t.Error(err)
				}
			}))
		}
		must(t, d.Durable(t.Context()))
	}
	var place desk.PastPlace
	next := uint64(1)
	for next <= batches*each {
		list, err := d.PastEvents(t.Context(), a, next, next+piece-1, &place)
		must(t, err)
		for n := range list {
			if list[n].Number != next {
				t.Fatalf("event %d, want %d", list[n].Number, next)
			}
			next++
		}
		if len(list) != piece {
			t.Fatalf("%d events before %d", len(list), next)
		}
	}
	if read := place.Read(); read > 3*batches {
		t.Errorf("%d batches were read, there are %d", read, batches)
	}
}
