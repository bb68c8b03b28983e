package desk

import (
	"sync"

	"holdfast/biz/ledger"
)

// priceBoard is the set of instruments whose prices have changed. Goroutine: any.
type priceBoard struct {
	mu      sync.Mutex
	changed []bool // by instrument; grows with them
	ids     []ledger.InstrumentID
}

func (b *priceBoard) mark(id ledger.InstrumentID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if more := int(id) + 1 - len(b.changed); more > 0 {
		b.changed = append(b.changed, make([]bool, more)...)
	}
	if !b.changed[id] {
		b.changed[id] = true
		b.ids = append(b.ids, id)
	}
}

// take empties the set and appends it to dst.
func (b *priceBoard) take(dst []ledger.InstrumentID) []ledger.InstrumentID {
	b.mu.Lock()
	defer b.mu.Unlock()
	dst = append(dst, b.ids...)
	for _, id := range b.ids {
		b.changed[id] = false
	}
	b.ids = b.ids[:0]
	return dst
}
