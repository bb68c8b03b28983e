package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/checkpoint"
)

// TestAll: the good files, and what is wrong with each of the others.
func TestAll(t *testing.T) {
	dir := t.TempDir()
	if good, unusable, err := checkpoint.All(filepath.Join(dir, "none")); good != nil || unusable != nil || err != nil {
		t.Errorf("%v, %v, %v", good, unusable, err)
	}
	for _, batch := range []uint64{9, 100, 30} {
		save(t, dir, batch, small...)
	}
	must(t, os.Truncate(filepath.Join(dir, "30"), 50))
	must(t, os.WriteFile(filepath.Join(dir, "notes"), nil, 0o600))
	good, unusable, err := checkpoint.All(dir)
	must(t, err)
	if len(good) != 2 || good[0].Point != pointOf(100) || good[1].Point != pointOf(9) || good[0].End != endOf(100) {
		t.Errorf("%v", good)
	}
	if len(unusable) != 1 || !errors.Is(unusable[0], checkpoint.ErrDamaged) || !strings.Contains(unusable[0].Error(), filepath.Join(dir, "30")) {
		t.Errorf("%v", unusable)
	}
}
