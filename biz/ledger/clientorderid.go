package ledger

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// ClientOrderIDSize is the maximum length of a client order id, in bytes.
const ClientOrderIDSize = 36

// ClientOrderID is the client's name for an order, padded with zero bytes. The zero value
// means that the client sent no id; then a repeated order is not recognised.
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

// IsZero reports whether the client sent no id.
func (id *ClientOrderID) IsZero() bool { return id[0] == 0 }

// hash returns a hash of the complete id. It needs no secret: customers choose their ids,
// and only their own accounts would suffer from collisions.
func (id *ClientOrderID) hash() uint64 {
	h := fold(fold(mixSeed, binary.LittleEndian.Uint64(id[0:])), binary.LittleEndian.Uint64(id[8:]))
	g := fold(fold(^mixSeed, binary.LittleEndian.Uint64(id[16:])), binary.LittleEndian.Uint64(id[24:]))
	return fold(h, g^uint64(binary.LittleEndian.Uint32(id[32:])))
}

// tagOf returns the tag for a hash of the id.
func (id *ClientOrderID) tagOf(hash uint64) tag {
	if id.IsZero() {
		return 0
	}
	return max(tag(hash>>16), 1)
}

const (
	mixSeed  uint64 = 0x9e3779b97f4a7c15
	mixPrime uint64 = 0xd6e8feb86659fd93
)

// fold mixes a word into a hash. The result is the same on every machine. It is not
// cryptographic.
func fold(h, word uint64) uint64 {
	hi, lo := bits.Mul64(h^word, mixPrime)
	return hi ^ lo ^ mixSeed
}
