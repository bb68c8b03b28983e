package desk

import (
	"sync"

	"holdfast/biz/ledger"
)

// priceBoard is the set of instruments whose prices have changed. Goroutine: any.
type priceBoard struct {
	mu      sync.Mutex
	changed []bool // by instrument
	ids     []ledger.InstrumentID
}

func (b *priceBoard) init(instruments int) { b.changed = make([]bool, instruments) }

func (b *priceBoard) mark(id ledger.InstrumentID) {
	b.mu.Lock()
	defer b.mu.Unlock()
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
