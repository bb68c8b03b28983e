package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
)

// Layout of a batch as it is stored, little-endian:
//
//	 0  4  magic and version
//	 4  4  CRC32C of everything from byte 8 on
//	 8  4  CRC32C of the batch before, 0 for the first
//	12  4  number of records, at least 1
//	16  8  number of the first record
//	24     each record: its length as an unsigned varint, its bytes
const (
	magic          = "HFJ\x01"
	headerBytes    = 24
	maxPrefixBytes = 3 // a varint up to MaxRecord
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why the bytes of a batch are refused.
var (
	errShort    = errors.New("shorter than a header")
	errMagic    = errors.New("does not start like a batch")
	errChecksum = errors.New("checksum differs")
	errCount    = errors.New("record count and content disagree")
	errRecord   = errors.New("a record reaches beyond the batch")
)

// A header is the fixed part of a batch.
type header struct {
	crc   uint32
	prev  uint32
	count uint32
	first uint64
}

// sealHeader writes the header of a batch whose records are complete, and returns its
// CRC32C.
func sealHeader(msg []byte, prev uint32, count int, first uint64) uint32 {
	copy(msg, magic)
	binary.LittleEndian.PutUint32(msg[8:], prev)
	binary.LittleEndian.PutUint32(msg[12:], uint32(count))
	binary.LittleEndian.PutUint64(msg[16:], first)
	crc := crc32.Checksum(msg[8:], castagnoli)
	binary.LittleEndian.PutUint32(msg[4:], crc)
	return crc
}

// parseMessage checks one batch by itself: magic, checksum, and that its records take up
// exactly its bytes.
func parseMessage(msg []byte) (header, error) {
	if len(msg) < headerBytes {
		return header{}, errShort
	}
	if string(msg[:4]) != magic {
		return header{}, errMagic
	}
	h := header{
		crc:   binary.LittleEndian.Uint32(msg[4:]),
		prev:  binary.LittleEndian.Uint32(msg[8:]),
		count: binary.LittleEndian.Uint32(msg[12:]),
		first: binary.LittleEndian.Uint64(msg[16:]),
	}
	if checksChain && crc32.Checksum(msg[8:], castagnoli) != h.crc {
		return header{}, errChecksum
	}
	return h, checkRecords(msg[headerBytes:], h.count)
}

func checkRecords(body []byte, count uint32) error {
	if count == 0 {
		return errCount
	}
	for range count {
		_, rest, err := nextRecord(body)
		if err != nil {
			return err
		}
		body = rest
	}
	if len(body) != 0 {
		return errCount
	}
	return nil
}

// appendRecord appends the length of a record and its bytes.
func appendRecord(dst, rec []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(rec))), rec...)
}

// nextRecord splits the first record off body. It does not copy.
func nextRecord(body []byte) (rec, rest []byte, err error) {
	n, used := binary.Uvarint(body)
	if used <= 0 || n > uint64(len(body)-used) {
		return nil, nil, errRecord
	}
	end := used + int(n)
	return body[used:end:end], body[end:], nil
}

// recordBytes returns the size of a record of n bytes in a batch.
func recordBytes(n int) int {
	return n + (bits.Len(uint(n)|1)+6)/7
}
