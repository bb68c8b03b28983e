package history

import (
	"encoding/binary"
	"hash/crc32"
)

// orderBytes is how many bytes the checksum of an order covers.
const orderBytes = 123 + 2*ClientOrderIDSize

// scratch is memory of the caller for the bytes of one row, which avoids an allocation.
type scratch [orderBytes]byte

// checksum returns the CRC-32C (RFC 3720), which the hardware computes.
func checksum(b []byte) uint32 {
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
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
	if o.PlacedQuantity != 0 { // an earlier release did not have it
		b = binary.LittleEndian.AppendUint64(b, uint64(o.PlacedQuantity))
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

// checksum covers every column of the row.
func (b *bustRow) checksum() uint32 {
	var numbers [24]byte
	binary.LittleEndian.PutUint64(numbers[0:], b.execution)
	binary.LittleEndian.PutUint64(numbers[8:], uint64(b.time))
	binary.LittleEndian.PutUint64(numbers[16:], b.by)
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(numbers[:], table), table, []byte(b.reason))
}
