package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"holdfast/biz/journal"
)

// FuzzScanBlock scans arbitrary bytes: either they are damage, or they are complete batches
// from the first one on, with at most a torn write at the end.
func FuzzScanBlock(f *testing.F) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil), uint64(0))
	f.Add(block, uint64(3))
	f.Add(block[:len(block)-1], uint64(2))
	f.Add(append(block, block[:50]...), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, acknowledged uint64) {
		records, next := uint64(0), uint64(1)
		r, err := journal.ScanBlock(b, acknowledged, func(batch *journal.Batch) error {
			if batch.Number != next {
				t.Fatalf("batch %d instead of %d", batch.Number, next)
			}
			next++
			for range batch.Records() {
				records++
			}
			return nil
		})
		var damage *journal.DamageError
		if err != nil && (!errors.As(err, &damage) || damage.Batch != next) {
			t.Fatalf("%v after batch %d", err, next-1)
		}
		if r.Records != records || r.Batches != next-1 || r.Torn < 0 || int(r.Torn) > len(b) || r.Torn > 0 && r.Batches < acknowledged {
			t.Fatalf("%+v: %d records", r, records)
		}
	})
}

// TestKeptBlock reads a block file that an earlier version of the server has written: the
// scan depends on this format.
func TestKeptBlock(t *testing.T) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := journal.ScanBlock(block, 3, nil)
	if err != nil || r.Batches != 3 || r.Records != 6 || r.Torn != 0 {
		t.Fatalf("%+v (%v)", r, err)
	}
}

// TestEveryFlipOfABlock flips every bit of a block whose batches were acknowledged,
// and cuts it at every byte.
func TestEveryFlipOfABlock(t *testing.T) {
	block, err := os.ReadFile(filepath.Join("testdata", "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	var damage *journal.DamageError
	for bit := range 8 * len(block) {
		block[bit/8] ^= 1 << (bit % 8)
		if _, err := journal.ScanBlock(block, 3, nil); !errors.As(err, &damage) {
			t.Errorf("bit %d of byte %d: %v", bit%8, bit/8, err)
		}
		block[bit/8] ^= 1 << (bit % 8)
	}
	for n := range block {
		if r, err := journal.ScanBlock(block[:n], 3, nil); err == nil && r.Batches >= 3 {
			t.Errorf("cut at %d: %+v", n, r)
		}
	}
}
