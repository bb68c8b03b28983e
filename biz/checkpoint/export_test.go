package checkpoint

import (
	"encoding/binary"
	"hash/crc32"

	"holdfast/biz/journal"
)

// OtherVersion returns the start of a file of another release.
func OtherVersion(p journal.Point) []byte {
	b := append([]byte(magic[:len(magic)-1]), magic[len(magic)-1]+1)
	b = binary.LittleEndian.AppendUint64(b, p.Batch)
	b = binary.LittleEndian.AppendUint64(b, p.Record)
	b = binary.LittleEndian.AppendUint32(b, p.Checksum)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
