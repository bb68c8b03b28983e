package gateway

import (
	"slices"
	"testing"

	"holdfast/biz/ledger"
)

// TestCatchUpInPages: a session that has missed everything gets all instruments in some rounds.
// If it misses everything again meanwhile, the rounds go on from where they are.
func TestCatchUpInPages(t *testing.T) {
	const instruments = 2*catchUpPage + catchUpPage/2
	var b catchUpBoard
	b.add(nil, nil)
	var seen []ledger.InstrumentID
	for round := range 5 {
		if round == 1 {
			b.add(nil, nil)
		}
		if round == 2 {
			b.add(nil, []uint32{quoteKey(7), positionKey(8)})
		}
		m := b.take()[nil]
		quotes, positions, rest := m.split(instruments)
		if round == 2 {
			if quotes[0] != 7 || positions[0] != 8 {
				t.Errorf("the keys are missing: %v", quotes[:2])
			}
			quotes, positions = quotes[1:], positions[1:]
		}
		if len(quotes) > catchUpPage || !slices.Equal(quotes, positions) {
			t.Fatalf("round %d: %d quotes, %d positions", round, len(quotes), len(positions))
		}
		seen = append(seen, quotes...)
		if rest.left > 0 {
			b.addRest(nil, rest)
		}
	}
	for n, id := range seen {
		if want := ledger.InstrumentID(n % instruments); id != want {
			t.Fatalf("place %d has instrument %d, want %d", n, id, want)
		}
	}
	if len(seen) != catchUpPage+instruments {
		t.Errorf("%d instruments", len(seen))
	}
	if len(b.sessions) != 0 {
		t.Error("something is left")
	}
}

// TestCatchUpKeysAreBounded: a session with too many keys has missed everything.
func TestCatchUpKeysAreBounded(t *testing.T) {
	var b catchUpBoard
	for n := range uint32(maxCatchUpKeys + 1) {
		b.add(nil, []uint32{n})
	}
	if m := b.take()[nil]; len(m.keys) != 0 || m.left == 0 {
		t.Errorf("%d keys, %d left", len(m.keys), m.left)
	}
}
