package engine

import "slices"

// maxMissedKeys bounds the keys stored for one slow session. A session that misses more
// counts as one that has missed everything.
const maxMissedKeys = 1024

// missedKeys is the set of keys of the droppable pushes that a session did not get; nil
// is empty. Goroutine: event loop.
type missedKeys struct {
	keys       []uint32 // sorted, unique
	everything bool
}

func (m *missedKeys) empty() bool { return m == nil || !m.everything && len(m.keys) == 0 }

func (m *missedKeys) add(key uint32) {
	at, found := slices.BinarySearch(m.keys, key)
	switch {
	case found || m.everything:
	case len(m.keys) == maxMissedKeys:
		m.keys, m.everything = nil, true
	default:
		m.keys = slices.Insert(m.keys, at, key)
	}
}

// take empties the set and returns its keys, nil for everything.
func (m *missedKeys) take() []uint32 {
	keys := m.keys
	*m = missedKeys{}
	return keys
}
