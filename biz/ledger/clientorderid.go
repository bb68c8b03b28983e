package ledger

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// ClientOrderIDSize is the maximum length of a client order id, in bytes.
const ClientOrderIDSize = 36

// ClientOrderID is the client's name for an order, padded with zero bytes. The zero value
// means that the client sent no id; then a repeated order is not recognised. All other values
// come from ParseClientOrderID: an account relies on that.
type ClientOrderID [ClientOrderIDSize]byte

// ParseClientOrderID accepts up to 36 bytes of UTF-8 without NUL; everything else is
// ErrBadClientOrderID. An empty s results in the zero value. It does not allocate.
func ParseClientOrderID[T string | []byte](s T) (ClientOrderID, error) {
	var id ClientOrderID
	if len(s) > len(id) {
		return id, ErrBadClientOrderID
	}
	n := copy(id[:], s)
	if bytes.IndexByte(id[:n], 0) >= 0 || !utf8.Valid(id[:n]) {
		return ClientOrderID{}, ErrBadClientOrderID
	}
	return id, nil
}

// Len returns the length of the id without its padding.
func (id *ClientOrderID) Len() int {
	if n := bytes.IndexByte(id[:], 0); n >= 0 {
		return n
	}
	return len(id)
}

// Bytes returns the id without its padding; it shares the id's memory.
func (id *ClientOrderID) Bytes() []byte { return id[:id.Len()] }

// String returns the id without its padding.
func (id ClientOrderID) String() string { return string(id.Bytes()) }

// after reports whether the id comes after another one in the order of their bytes.
func (id *ClientOrderID) after(other *ClientOrderID) bool { return bytes.Compare(id[:], other[:]) > 0 }

// IsZero reports whether the client sent no id.
func (id *ClientOrderID) IsZero() bool { return id[0] == 0 }

// hash returns a hash of the complete id. It needs no secret: customers choose their ids,
// and only their own accounts would suffer from collisions.
func (id *ClientOrderID) hash() uint64 {
	h := mix(mix(mixSeed, binary.LittleEndian.Uint64(id[0:])), binary.LittleEndian.Uint64(id[8:]))
	g := mix(mix(^mixSeed, binary.LittleEndian.Uint64(id[16:])), binary.LittleEndian.Uint64(id[24:]))
	return mix(h, g^uint64(binary.LittleEndian.Uint32(id[32:])))
}
