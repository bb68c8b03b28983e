package engine

// Link is the byte pipe under one session: a connection of the reactor, or of
// any other plumbing that carries sessions.
//
// Goroutine: all methods are called on the session's Carrier.
type Link interface {
	// Write sends b or keeps a copy of what can't be sent at once.
	Write(b []byte) error
	// Buffered returns how many bytes are kept.
	Buffered() int
	// CloseWrite tells the peer that nothing follows what was written, when that
	// is sent; a link that still keeps bytes may leave it to Close. What the peer
	// still sends is read and dropped.
	CloseWrite() error
	// Close ends the connection at once.
	Close() error
}

// Carrier runs the output of a group of sessions: one event loop, or the whole
// of a server without event loops.
type Carrier interface {
	// Post has b.Flush called soon, after the batches posted before, and never
	// at the same time as another Flush of this carrier; or b.Discard, when the
	// carrier is gone for good. It does not block.
	Post(b *Batch)
}
