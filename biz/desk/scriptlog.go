package desk

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// ScriptPosition is how far a script has come. A restart goes on exactly there: the journal has it
// in one batch with what the newest event of the script has caused.
type ScriptPosition struct {
	// Script is the SHA-256 of its text; all zero: there was no script.
	Script [sha256.Size]byte
	// Done is how many of its events were executed.
	Done int
	// Time is when the newest of them was due, or when the script starts (Unix nanoseconds).
	Time int64
}

// maxMarkSize is the most bytes of the records of a position and of the price of an instrument.
const maxMarkSize = 128

func (p *ScriptPosition) append(dst []byte) []byte {
	dst = append(dst, p.Script[:]...)
	return binary.AppendVarint(appendUint(dst, p.Done), p.Time)
}

func (f *fields) scriptPosition() (p ScriptPosition) {
	copy(p.Script[:], f.bytes(len(p.Script)))
	p.Done = int(f.upTo(math.MaxInt32))
	p.Time = f.varint()
	return p
}

// ScriptPosition returns the newest position of a script, which may not be durable yet.
func (d *Desk) ScriptPosition() ScriptPosition {
	if d.group == nil {
		return d.script
	}
	d.group.committer.Begin()
	defer d.group.committer.End()
	return d.group.script
}

// RecordScript adds the position of a script to the journal and does not wait until it is durable.
func (d *Desk) RecordScript(p ScriptPosition) {
	if d.group != nil {
		d.group.add([]Entry{{Script: &p}})
	}
}

// RecordScript adds the position of a script to what the turn has caused.
func (t *Turn) RecordScript(p ScriptPosition) { t.script = &p }
