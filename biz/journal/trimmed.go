package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	trimmedFile  = "trimmed"
	trimmedNew   = trimmedFile + ".new"
	trimmedMagic = "HFT\x01"
	trimmedBytes = 28 // magic, batch, record, CRC of the batch, CRC of the file
)

// The file "trimmed" has the last batch that Trim may have removed. It is on the disk before
// the first file goes: batches up to that one may be gone, the one after it must be there and
// continue its checksum. Without the file batch 1 must be there. An external stream has the same
// in its metadata, in hexadecimal digits, so that every server that takes it over finds it.

func appendTrimmed(dst []byte, p Point) []byte {
	at := len(dst)
	dst = append(dst, trimmedMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, p.Batch)
	dst = binary.LittleEndian.AppendUint64(dst, p.Record)
	dst = binary.LittleEndian.AppendUint32(dst, p.Checksum)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// readTrimmed returns the last trimmed batch of a folder, the zero Point if nothing was
// trimmed.
func readTrimmed(dir string) (Point, error) {
	src, err := os.ReadFile(filepath.Join(dir, trimmedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Point{}, nil
	}
	if err != nil {
		return Point{}, fmt.Errorf("journal: trimmed: %w", err)
	}
	p, ok := parseTrimmed(src)
	if !ok {
		return Point{}, &DamageError{Dir: dir, File: trimmedFile, What: errTrimmedRecord}
	}
	return p, nil
}

// errTrimmedRecord says what is wrong with other bytes.
const errTrimmedRecord = "not the last trimmed batch, or its checksum differs"

// parseTrimmed refuses all bytes that appendTrimmed does not produce.
func parseTrimmed(src []byte) (p Point, ok bool) {
	if len(src) == trimmedBytes {
		p = Point{
			Batch:    binary.LittleEndian.Uint64(src[4:]),
			Record:   binary.LittleEndian.Uint64(src[12:]),
			Checksum: binary.LittleEndian.Uint32(src[20:]),
		}
	}
	return p, bytes.Equal(appendTrimmed(nil, p), src)
}

// writeTrimmed replaces the file. When it returns, the file survives a power cut.
func writeTrimmed(dir string, p Point) error {
	name := filepath.Join(dir, trimmedNew)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(appendTrimmed(nil, p))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(name, filepath.Join(dir, trimmedFile))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("journal: trimmed: %w", err)
	}
	return nil
}
