package desk

import (
	"context"
	"crypto/rand"
	"slices"
)

// A Fence is the first record that a node of a cluster writes after it has taken over a journal: what
// others write later does not count. No account depends on it.
type Fence struct {
	Node string
	Run  [8]byte // random, so that no two fences are the same
}

// maxNode is the longest name of a node in bytes.
const maxNode = 255

// NewFence returns the record of a fence, for journal.Shared. A longer name than 255 bytes is cut.
func NewFence(node string) []byte {
	f := Fence{Node: cut(node, maxNode)}
	_, _ = rand.Read(f.Run[:]) // it never fails
	return f.append([]byte{recordFence})
}

func (f *Fence) append(dst []byte) []byte { return append(append(dst, f.Run[:]...), f.Node...) }

// Prove makes a record durable that changes nothing. If it returns nil, no other node of a cluster had
// taken over the journal when it was called. Errors are those of Durable. Goroutine: any.
func (d *Desk) Prove(ctx context.Context) error {
	return d.group.define(ctx, []Entry{{Fence: new(Fence)}})
}

func (f *fields) fence() *Fence {
	x := &Fence{Run: [8]byte(f.bytes(8))}
	if len(f.b) > maxNode {
		f.fail()
	}
	x.Node = string(f.bytes(len(f.b)))
	return x
}

// changesBook reports whether a record is one that Book.Add adds.
func changesBook(record []byte) bool {
	return len(record) > 0 && slices.Contains([]byte{recordGenesis, recordListings, recordOpenings, recordHistory}, record[0])
}
