package websocket

import (
	"encoding/binary"
	"math/bits"
)

// unmask applies the masking key to b, 8 bytes at a time, and returns the key for the bytes
// after b. The key is in the order of its bytes on the wire: the lowest 8 bits first.
func unmask(b []byte, key uint32) uint32 {
	if key == 0 {
		return 0
	}
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
