package ledger

import (
	"encoding/binary"
	"math/bits"
)

const (
	mixSeed  uint64 = 0x9e3779b97f4a7c15
	mixPrime uint64 = 0xd6e8feb86659fd93
)

// mix mixes a word into a hash. The result is the same on every machine. It is not
// cryptographic.
func mix(h, word uint64) uint64 {
	hi, lo := bits.Mul64(h^word, mixPrime)
	return hi ^ lo ^ mixSeed
}

// mixBytes mixes bytes into a hash, 32 at a time in two chains. The last 32 may overlap with
// those before.
func mixBytes(h uint64, b []byte) uint64 {
	const size = 32
	g := ^h + uint64(len(b))
	last := b[max(0, len(b)-size):]
	if len(last) < size {
		var padded [size]byte
		copy(padded[:], last)
		last = padded[:]
	}
	for ; len(b) > size; b = b[size:] {
		h, g = mixPair(h, b), mixPair(g, b[16:])
	}
	return mix(mixPair(h, last), mixPair(g, last[16:]))
}

// mixPair mixes 16 bytes into a hash.
func mixPair(h uint64, b []byte) uint64 {
	hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(b), mixPrime^binary.LittleEndian.Uint64(b[8:]))
	return hi ^ lo ^ mixSeed
}
