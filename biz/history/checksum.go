package history

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	// plainBytes is how many bytes the checksum of a plain execution covers, fillBytes that
	// of every other one.
	plainBytes = 60 + ClientOrderIDSize
	fillBytes  = plainBytes + 25
	// orderBytes is how many bytes the checksum of an order covers.
	orderBytes = 115 + 2*ClientOrderIDSize
)

// scratch is memory of the caller for the bytes of one row, which avoids an allocation.
type scratch [orderBytes]byte

// checksum returns the CRC-32C (RFC 3720), which the hardware computes.
func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// checksum covers every column of the row, including the key.
func (f *Fill) checksum(space *scratch) uint32 {
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
	if f.plain() {
		return checksum(b[:plainBytes])
	}
	b = b[plainBytes:]
	binary.LittleEndian.PutUint64(b[0:], uint64(f.Fee))
	binary.LittleEndian.PutUint64(b[8:], uint64(f.Settlement))
	binary.LittleEndian.PutUint32(b[16:], f.Corrects)
	binary.LittleEndian.PutUint32(b[20:], f.Place)
	b[24] = bit(f.FeeInCost)
	return checksum(space[:fillBytes])
}

// checksum covers every column of the row, including the key.
func (o *Order) checksum(space *scratch) uint32 {
	b := space[:0]
	for _, n := range [...]uint64{
		o.ID, o.Event, o.FirstEvent, o.LastPlacingEvent, uint64(o.Quantity), uint64(o.Filled), uint64(o.FilledValue),
		uint64(o.Price), uint64(o.Stop), o.Priority, uint64(o.Time), uint64(o.Expires), uint64(o.Updated),
	} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.LittleEndian.AppendUint32(b, o.Instrument)
	b = append(b, o.Side, o.Type, o.TimeInForce, o.Status, o.Cause, bit(o.Triggered), bit(o.Held))
	return checksum(append(append(b, o.ClientOrderID[:]...), o.PlacedAs[:]...))
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// keyedChecksum covers a text or blob and its two numbers.
func keyedChecksum(key uint64, number int64, value []byte) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], key)
	binary.LittleEndian.PutUint64(b[8:], uint64(number))
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:], table), table, value)
}

// checksum covers every column of the row. Without a correction it is that of version 1.
func (b *bustRow) checksum() uint32 {
	sum := keyedChecksum(b.execution, b.time, []byte(b.reason))
	if b.by == 0 {
		return sum
	}
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), binary.LittleEndian.AppendUint64(nil, b.by))
}
