package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"holdfast/biz/checkpoint"
)

// TestFullDiskLeavesTheOthers: nothing is left of a file that did not fit, and the others are as
// they were.
func TestFullDiskLeavesTheOthers(t *testing.T) {
	for _, size := range []int{10, 1 << 20} { // found by Finish, or before
		dir := t.TempDir()
		save(t, dir, 1, small...)
		save(t, dir, 2, small...)
		must(t, os.Symlink("/dev/full", filepath.Join(dir, "3.partial")))
		w, err := checkpoint.Create(dir, pointOf(3), checkpoint.Log{})
		must(t, err)
		if err = w.Add(1, make([]byte, size)); err == nil {
			_, err = w.Finish(endOf(3))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d bytes: %v", size, err)
		}
		must(t, w.Abort())
		if names := namesIn(t, dir); !slices.Equal(names, []string{"1", "2"}) {
			t.Errorf("left are %v", names)
		}
		if c, unusable := newest(t, dir); c.Point.Batch != 2 || len(unusable) > 0 {
			t.Errorf("%v, %v", c, unusable)
		}
	}
}
