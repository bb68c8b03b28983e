package engine

import "crypto/x509"

// Link is the connection under one session.
//
// Goroutine: all methods are called on the session's Carrier.
type Link interface {
	// Write sends b, or stores a copy of what can't be sent yet.
	Write(b []byte) error
	// Buffered returns how many bytes are stored.
	Buffered() int
	// CloseWrite closes the sending direction once everything is sent; a link that
	// still stores bytes may leave that to Close. What the peer still sends is read
	// and dropped.
	CloseWrite() error
	// Close closes the connection at once.
	Close() error
}

// SecureLink is a Link whose other end has ended TLS, and says what it knows of the client.
//
// Goroutine: any.
type SecureLink interface {
	Link
	// Encrypted reports whether the client speaks TLS.
	Encrypted() bool
	// Certificate returns the verified certificate of the client, or nil.
	Certificate() *x509.Certificate
}

// Carrier writes the output of a group of sessions: an event loop, or a server without
// event loops.
type Carrier interface {
	// Post arranges a call of b.Flush soon, after the batches posted before and never
	// at the same time as another Flush of this carrier; or of b.Discard, if the
	// carrier has stopped. It does not block.
	Post(b *Batch)
}
