package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Newest returns the newest good file of a folder among those of batches below before (0: of
// all), and why newer ones can't be used. LogSections checks its log. Without such a file, c is nil.
// err is only for a folder that can't be read.
func Newest(dir string, before uint64) (c *Checkpoint, unusable []error, err error) {
	batches, err := batchesIn(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, batch := range batches {
		if before != 0 && batch >= before {
			continue
		}
		if c, err = open(filepath.Join(dir, name(batch))); err == nil {
			return c, unusable, nil
		}
		unusable = append(unusable, err)
	}
	return nil, unusable, nil
}

// NewestBatch returns the batch of the newest file of a folder, good or not; 0 if there are no
// files. The error is for a folder that can't be read.
func NewestBatch(dir string) (uint64, error) {
	batches, err := batchesIn(dir)
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	return batches[0], nil
}

// All returns the good files of a folder with good logs, newest first, and why the others can't be
// used. err is only for a folder that can't be read. Files that are removed meanwhile are left out.
func All(dir string) (good []*Checkpoint, unusable []error, err error) {
	batches, err := batchesIn(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, batch := range batches {
		c, err := open(filepath.Join(dir, name(batch)))
		if err == nil && c.HasLog() {
			err = c.LogSections(func(uint32, []byte) error { return nil })
		}
		switch {
		case err == nil:
			good = append(good, c)
		case !errors.Is(err, os.ErrNotExist):
			unusable = append(unusable, err)
		}
	}
	return good, unusable, nil
}

// batchesIn returns the batches of the files in a folder, newest first. A missing folder has no
// files.
func batchesIn(dir string) (batches []uint64, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, e := range entries {
		if batch, ok := batchOf(e.Name()); ok {
			batches = append(batches, batch)
		}
	}
	slices.Sort(batches)
	slices.Reverse(batches)
	return batches, nil
}

// batchOf returns the batch of a file's name.
func batchOf(file string) (batch uint64, ok bool) {
	batch, err := strconv.ParseUint(file, 10, 64)
	return batch, err == nil && name(batch) == file
}

// Keep removes all checkpoints and logs from a folder except some, with what an interrupted Writer
// has left. It leaves files with other names alone.
func Keep(dir string, these ...*Checkpoint) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	// The logs come last: without its log a checkpoint would look damaged.
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int {
		return strings.Count(a.Name(), logSuffix) - strings.Count(b.Name(), logSuffix)
	})
	var errs []error
	for _, e := range entries {
		if !IsFile(strings.TrimSuffix(e.Name(), partialSuffix)) || slices.ContainsFunc(these, func(c *Checkpoint) bool { return slices.Contains(c.Files(), e.Name()) }) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			errs = append(errs, fmt.Errorf("checkpoint: %w", err))
		}
	}
	return errors.Join(errs...)
}

// IsFile reports whether the name is one of a complete checkpoint or a log.
func IsFile(name string) bool {
	_, isCheckpoint := batchOf(name)
	_, isLog := logOf(name)
	return isCheckpoint || isLog
}

// Files returns the names of the files in the folder that the checkpoint consists of.
func (c *Checkpoint) Files() []string {
	if !c.HasLog() {
		return []string{name(c.Point.Batch)}
	}
	return []string{name(c.Point.Batch), logName(c.Log.Number)}
}
