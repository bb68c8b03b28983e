package pool

import "github.com/valyala/bytebufferpool"

// Buffer is a byte buffer on loan; append to its B.
type Buffer = bytebufferpool.ByteBuffer

// Buffers lends buffers. The zero value is ready to use; Get and Put are safe
// from any goroutine.
//
// Limit: the pool learns the usual sizes and leaves much larger buffers to the garbage
// collector, so that one burst does not occupy memory for ever.
type Buffers struct {
	pool bytebufferpool.Pool
}

// Get returns an empty buffer that belongs to the caller until Put.
func (b *Buffers) Get() *Buffer { return b.pool.Get() }

// Put takes a buffer back. The caller must hold no slice of it any more.
func (b *Buffers) Put(buf *Buffer) { b.pool.Put(buf) }
