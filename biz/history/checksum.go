package history

import (
	"encoding/binary"
	"hash/crc32"
)

// fillBytes is what a checksum of a row covers.
const fillBytes = 60 + ClientOrderIDSize

// checksum is CRC-32C (RFC 3720), which the hardware computes.
func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// checksum covers every column of the row, its key too. The caller lends the
// space: it would be allocated for each row otherwise.
func (f *fill) checksum(space *[fillBytes]byte) uint32 {
	b := space[:]
	binary.LittleEndian.PutUint64(b[0:], f.id)
	binary.LittleEndian.PutUint64(b[8:], f.orderID)
	binary.LittleEndian.PutUint64(b[16:], f.event)
	binary.LittleEndian.PutUint64(b[24:], uint64(f.signed))
	binary.LittleEndian.PutUint64(b[32:], uint64(f.price))
	binary.LittleEndian.PutUint64(b[40:], uint64(f.cost))
	binary.LittleEndian.PutUint64(b[48:], uint64(f.time))
	binary.LittleEndian.PutUint32(b[56:], f.instrument)
	copy(b[60:], f.clientOrderID[:])
	return checksum(b)
}

// keyedChecksum covers a text or blob and the two numbers that belong to it.
func keyedChecksum(key uint64, number int64, value []byte) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], key)
	binary.LittleEndian.PutUint64(b[8:], uint64(number))
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:], table), table, value)
}
