package trading

import (
	"holdfast/biz/ledger"
	"holdfast/engine"
)

// pushes are droppable pushes that several sessions get.
type pushes struct {
	rows   []pushRow
	frames []byte
}

// pushRow says of what a push is, and where in pushes.frames it ends.
type pushRow struct {
	key uint32
	id  ledger.InstrumentID
	end int
}

func (p *pushes) reset()      { p.rows, p.frames = p.rows[:0], p.frames[:0] }
func (p *pushes) empty() bool { return len(p.rows) == 0 }

// add says what was appended to p.frames.
func (p *pushes) add(key uint32, id ledger.InstrumentID) {
	p.rows = append(p.rows, pushRow{key, id, len(p.frames)})
}

// to adds to out what the session wants.
func (p *pushes) to(out *engine.Outbox, session *engine.Session, w *wanted) {
	start := 0
	for i := range p.rows {
		r := &p.rows[i]
		if w.has(r.id) {
			out.AppendDroppable(session, r.key, p.frames[start:r.end])
		}
		start = r.end
	}
}
