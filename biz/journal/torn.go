package journal

import (
	"bytes"
	"encoding/binary"
)

// sectorBytes is the least that a disk writes at once: after a power cut a sector has its old
// content or its new one.
const sectorBytes = 512

// torn reports whether the bytes after the last valid entry can be what a crash left of batch
// number, which was being written and was not acknowledged. Otherwise they are damage.
//
// The store appends one entry after the other, and syncs each before the next. So an entry
// with another one after it, even an incomplete one, was on the disk. What a crash leaves of
// the last one is short, or some of its sectors were never written: they are as the file
// system makes them, zero. An entry that has its full size and no zero sector was written to
// its end, and something changed it afterwards.
//
// What a power cut leads to, while
//   - nothing is written: all batches are whole; the mark is at most markInterval old.
//   - a batch is written: the one before is whole, also in the sector that both share, since that
//     has its old content or its new one. The batch itself is whole, and then kept and written
//     again, or torn, and then cut off; it was not acknowledged.
//   - the mark is written: it is in one sector, so it is the old one or the new one.
//
// So an acknowledged batch never passes for a torn write because the mark is old. The mark only
// tells that batches are gone entirely, with all after them. A disk loses them only if it
// confirms an fsync and does not keep what was written; if it did so in the last markInterval
// before the power cut, nothing tells it.
func (b *blockScan) torn(number uint64) bool {
	rest := b.data[b.good:]
	if len(rest) > maxEntryBytes || hasEntry(rest, number+1) {
		return false
	}
	const shortest = entryHeaderBytes + len(subject) + 4 + entryHashBytes
	if len(rest) < shortest {
		return true
	}
	size := int(binary.LittleEndian.Uint32(rest) &^ entryHasHeaders)
	numbered := entryNumber(rest) == number
	if numbered && size > len(rest) {
		return !b.hashed(rest) // else only its size is wrong
	}
	return (size == len(rest) || !numbered) && hasZeroSector(b.data, b.good)
}

// hasEntry reports whether the start of the entry of a batch is in src, after its first byte.
func hasEntry(src []byte, number uint64) bool {
	for at := 1; ; {
		found := bytes.Index(src[at:], []byte(subject))
		if found < 0 {
			return false
		}
		at += found + 1
		if start := at - 1 - entryHeaderBytes; start > 0 && entryNumber(src[start:]) == number {
			return true
		}
	}
}

// hasZeroSector reports whether a sector of a file, or the part of one after from, is zero.
func hasZeroSector(file []byte, from int) bool {
	for from < len(file) {
		to := min((from/sectorBytes+1)*sectorBytes, len(file))
		if len(bytes.Trim(file[from:to], "\x00")) == 0 {
			return true
		}
		from = to
	}
	return false
}
