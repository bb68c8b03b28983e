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
// all), and why newer ones can't be used. Without such a file, c is nil. err is only for a folder
// that can't be read.
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

// All returns the good files of a folder, newest first, and why the others can't be used. err is only
// for a folder that can't be read. Files that are removed meanwhile are left out.
func All(dir string) (good []*Checkpoint, unusable []error, err error) {
	batches, err := batchesIn(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, batch := range batches {
		switch c, err := open(filepath.Join(dir, name(batch))); {
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

// Keep removes all checkpoints from a folder except some, with what an interrupted Writer has
// left. It leaves files with other names alone.
func Keep(dir string, these ...*Checkpoint) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var errs []error
	for _, e := range entries {
		batch, ok := batchOf(strings.TrimSuffix(e.Name(), partialSuffix))
		if !ok || slices.ContainsFunc(these, func(c *Checkpoint) bool { return e.Name() == name(c.Point.Batch) }) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			errs = append(errs, fmt.Errorf("checkpoint of batch %d: %w", batch, err))
		}
	}
	return errors.Join(errs...)
}
