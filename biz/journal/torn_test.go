package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// ends returns the offsets after the entries of a block.
func ends(block []byte) (all []int) {
	for at := 0; at < len(block); {
		at += int(binary.LittleEndian.Uint32(block[at:]) &^ (1 << 31))
		all = append(all, at)
	}
	return all
}

// TestEveryFlipWithAnOldMark flips every bit of a block although the mark is as old as can be,
// as after a power cut: nothing complete passes for a torn write.
func TestEveryFlipWithAnOldMark(t *testing.T) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	must(t, err)
	for bit := range 8 * len(block) {
		block[bit/8] ^= 1 << (bit % 8)
		var damage *journal.DamageError
		if r, err := journal.ScanBlock(block, 0, nil); !errors.As(err, &damage) {
			t.Errorf("bit %d of byte %d: %+v, %v", bit%8, bit/8, r, err)
		}
		block[bit/8] ^= 1 << (bit % 8)
	}
}

// TestEveryTornWrite ends a block within its last entry, and leaves out sectors of it: that is
// a torn write if the batch was not acknowledged and no other one follows.
func TestEveryTornWrite(t *testing.T) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	must(t, err)
	// A block whose last entry has several sectors.
	long := bytes.Clone(block)
	long[len(long)-1] ^= 1 // so that the short entry is not complete
	for i := range 4000 {
		long = append(long, byte(i)|1)
	}
	entries := ends(block)
	last := entries[len(entries)-2]
	binary.LittleEndian.PutUint32(long[last:], uint32(len(long)-last)|1<<31)
	for n := last + 1; n < len(long); n++ {
		if r, err := journal.ScanBlock(long[:n], 2, nil); err != nil || r.Batches != 2 || r.Torn != int64(n-last) {
			t.Fatalf("cut at %d: %+v, %v", n, r, err)
		}
	}
	for sector := last / 512; sector <= len(long)/512; sector++ {
		torn := bytes.Clone(long)
		clear(torn[max(sector*512, last):min(sector*512+512, len(torn))])
		if r, err := journal.ScanBlock(torn, 2, nil); err != nil || r.Torn == 0 {
			t.Errorf("sector %d missing: %+v, %v", sector, r, err)
		}
		var damage *journal.DamageError
		if _, err := journal.ScanBlock(torn, 3, nil); !errors.As(err, &damage) {
			t.Errorf("sector %d missing in an acknowledged batch: %v", sector, err)
		}
	}
}

// TestDamageBeforeAnotherEntry damages an entry in all ways of a torn write, but something of
// the next entry is there: so it was on the disk.
func TestDamageBeforeAnotherEntry(t *testing.T) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	must(t, err)
	entries := ends(block)
	for i := range len(entries) - 1 {
		start := append([]int{0}, entries...)[i]
		for _, until := range []int{entries[i] + 60, entries[i+1] - 1, entries[i+1]} {
			for name, change := range map[string]func(entry []byte){
				"zeroed":  func(entry []byte) { clear(entry) },
				"flipped": func(entry []byte) { entry[len(entry)/2] ^= 1 },
				"longer":  func(entry []byte) { entry[1] ^= 0x80 },
			} {
				b := slices.Clone(block[:until])
				change(b[start:entries[i]])
				var damage *journal.DamageError
				if r, err := journal.ScanBlock(b, 0, nil); !errors.As(err, &damage) || damage.Batch != uint64(i)+1 {
					t.Errorf("entry %d %s, %d bytes there: %+v, %v", i, name, until, r, err)
				}
			}
		}
	}
}

// TestMarkIsSynced writes the mark to a device that takes writes and refuses a sync: the sync
// is made, and its failure ends the writing.
func TestMarkIsSynced(t *testing.T) {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := journal.WriteMarks(ctx, f); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}
