package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"
)

// storeSummary is the file beside the block files in which the store remembers what they
// have. The store writes it when it stops and at intervals. If it is missing, old or wrong, the
// store reads all block files, which takes seconds for gigabytes, and cuts what is damaged.
const storeSummary = "index.db"

// Format of the summary: nats-server/server/filestore.go, _writeFullState.
const (
	summaryMagic   = 11
	summaryVersion = 4
)

// longAgo is the time that our summary has for the last batch of all files but the newest. At
// its start the store looks for duplicates among the messages of the last two minutes, and reads
// the files that have them; our batches have no message ids.
const longAgo = 1

// writeSummary writes the summary of the block files of a folder, which must be all there are.
// end is the number of the batch after the last one, lastTime the time of the last one. The store
// checks that the files are there and that the last one ends with the last entry; otherwise it falls
// back to reading them all. It takes the numbers of the batches in the files as we found them;
// startStore compares them.
func writeSummary(blocks []block, end uint64, lastTime int64) error {
	if len(blocks) == 0 {
		return nil
	}
	src, err := appendSummary(nil, blocks, end, lastTime)
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(blocks[0].path), storeSummary), src, 0o600)
	}
	if err != nil {
		return fmt.Errorf("journal: summary of the block files: %w", err)
	}
	return nil
}

func appendSummary(dst []byte, blocks []block, end uint64, lastTime int64) ([]byte, error) {
	lastHash, err := lastHashIn(&blocks[len(blocks)-1])
	if err != nil {
		return nil, err
	}
	bytes := int64(0)
	for i := range blocks {
		bytes += blocks[i].stat.Size
	}
	first, base := blocks[0].first, blocks[0].time
	uints := func(values ...uint64) {
		for _, v := range values {
			dst = binary.AppendUvarint(dst, v)
		}
	}
	dst = append(dst, summaryMagic, summaryVersion)
	uints(end-first, uint64(bytes), first)
	dst = binary.AppendVarint(dst, base)
	uints(end - 1)
	dst = binary.AppendVarint(dst, lastTime)
	var numbers []uint64
	for i := range blocks {
		number, err := numberOf(blocks[i].path)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, uint64(number))
	}
	uints(1, uint64(len(subject))) // one subject: its name, messages, first and last file
	dst = append(dst, subject...)
	uints(end-first, numbers[0], numbers[len(numbers)-1])
	uints(uint64(len(blocks)))
	for i := range blocks {
		b, next, until := &blocks[i], end, lastTime
		if i+1 < len(blocks) {
			next, until = blocks[i+1].first, longAgo
		}
		uints(numbers[i], uint64(b.stat.Size), b.first)
		dst = binary.AppendVarint(dst, b.time-base)
		uints(next - 1)
		dst = binary.AppendVarint(dst, until-base)
		uints(0, 0, 0) // nothing deleted, expiring or scheduled
	}
	uints(numbers[len(numbers)-1])
	dst = append(dst, lastHash[:]...)
	key := sha256.Sum256([]byte(streamName))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil { // only for a key of another length
		panic("journal: " + err.Error())
	}
	_, _ = hash.Write(dst) // it never fails
	return hash.Sum(dst), nil
}

// lastHashIn reads the store's checksum at the end of a file.
func lastHashIn(b *block) (hash [entryHashBytes]byte, err error) {
	f, err := os.Open(b.path)
	if err != nil {
		return hash, err
	}
	_, err = f.ReadAt(hash[:], b.stat.Size-entryHashBytes)
	return hash, errors.Join(err, f.Close())
}
