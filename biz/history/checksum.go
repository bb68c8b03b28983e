package history

import (
	"encoding/binary"
	"hash/crc32"
)

// fillBytes is how many bytes the checksum of a row covers.
const fillBytes = 60 + ClientOrderIDSize

// checksum returns the CRC-32C (RFC 3720), which the hardware computes.
func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// checksum covers every column of the row, including the key. space is scratch memory of
// the caller, which avoids an allocation per row.
func (f *Fill) checksum(space *[fillBytes]byte) uint32 {
	b := space[:]
	binary.LittleEndian.PutUint64(b[0:], f.ID)
	binary.LittleEndian.PutUint64(b[8:], f.OrderID)
	binary.LittleEndian.PutUint64(b[16:], f.Event)
	binary.LittleEndian.PutUint64(b[24:], uint64(f.signed()))
	binary.LittleEndian.PutUint64(b[32:], uint64(f.Price))
	binary.LittleEndian.PutUint64(b[40:], uint64(f.Cost))
	binary.LittleEndian.PutUint64(b[48:], uint64(f.Time))
	binary.LittleEndian.PutUint32(b[56:], f.Instrument)
	copy(b[60:], f.ClientOrderID[:])
	return checksum(b)
}

// keyedChecksum covers a text or blob and its two numbers.
func keyedChecksum(key uint64, number int64, value []byte) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], key)
	binary.LittleEndian.PutUint64(b[8:], uint64(number))
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:], table), table, value)
}
