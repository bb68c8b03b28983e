package engine

import (
	"bytes"
	"crypto/tls"
	"reflect"
)

// tlsBuffers are the buffers of a tls.Conn for what it has read: up to 16 KiB, which it keeps for
// its whole life. The event loop therefore lends it one while it reads. crypto/tls has no method
// for that; if this Go has its buffers elsewhere, the fields are nil and it keeps them.
//
// Goroutine: event loop.
type tlsBuffers struct {
	records *bytes.Buffer // not opened
	content *bytes.Reader // opened, within the same bytes
}

// buffersOf returns the buffers of a connection whose handshake is done, and drops what that has
// left in them.
func buffersOf(c *tls.Conn) tlsBuffers {
	b := tlsBuffers{fieldOf[bytes.Buffer](c, "rawInput"), fieldOf[bytes.Reader](c, "input")}
	if b.records == nil || b.content == nil {
		return tlsBuffers{}
	}
	if messages := fieldOf[bytes.Buffer](c, "hand"); messages != nil && messages.Len() == 0 {
		*messages = bytes.Buffer{}
	}
	b.giveBack(nil, false)
	return b
}

// fieldOf returns a field of a connection, nil if it has no field with that name and type.
func fieldOf[T any](c *tls.Conn, name string) *T {
	field := reflect.ValueOf(c).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[T]() {
		return nil
	}
	return (*T)(field.Addr().UnsafePointer())
}

// lend has the connection use the space of b until giveBack, unless it has an incomplete record.
func (t *tlsBuffers) lend(b []byte) (lent bool) {
	if t.records == nil || t.records.Len() > 0 {
		return false
	}
	*t.records = *bytes.NewBuffer(b[:0])
	return true
}

// giveBack returns the space for the next call of lend: what the connection has used of b, or
// more. The bytes of an incomplete record stay with the connection; without these it keeps none.
func (t *tlsBuffers) giveBack(b []byte, lent bool) []byte {
	if t.records == nil || t.records.Len() > 0 && !lent {
		return b
	}
	rest := bytes.Clone(t.records.Bytes())
	if lent {
		t.records.Reset()
		b = t.records.AvailableBuffer()
	}
	*t.records = *bytes.NewBuffer(rest)
	t.content.Reset(nil)
	return b
}
