package chaos

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folderFaults are those of what lies in the data folder.
func folderFaults() []Fault {
	return []Fault{
		damageFault(),
		secondFault(),
		projectionFault(),
	}
}

// fill lets a server trade by itself until the blocks of its journal have so many
// bytes.
func (r *Run) fill(ctx context.Context, s *Server, size int64) error {
	for {
		blocks, err := blockSizes(s.Data)
		if err != nil || blocks >= size {
			return err
		}
		r.Progress(int(blocks>>10), int(size>>10), "KiB of journal")
		select {
		case <-time.After(50 * time.Millisecond):
		case <-s.Ended():
			return ErrNotStarted
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// blocksOf are the block files of a data folder, oldest first.
func blocksOf(data string) ([]string, error) {
	var all []string
	for digits := range 10 {
		name := strings.Repeat("?", digits) + ".blk"
		some, err := filepath.Glob(filepath.Join(data, "journal", "jetstream", "*", "streams", "JOURNAL", "msgs", name))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func blockSizes(data string) (size int64, err error) {
	blocks, err := blocksOf(data)
	for _, name := range blocks {
		if fi, err := os.Stat(name); err == nil {
			size += fi.Size()
		}
	}
	return size, err
}

// stopClean ends a server as an operator does.
func stopClean(ctx context.Context, s *Server) error {
	if err := s.Terminate(); err != nil {
		return err
	}
	_, err := s.WaitFor(ctx, startTimeout)
	return err
}
