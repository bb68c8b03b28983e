package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// openSuffixes returns the suffixes of the files that SQLite has open.
func openSuffixes() []string { return []string{"", "-wal", "-shm"} }

// Present returns ErrGone if the paths no longer lead to the open files. Goroutine: one at a
// time.
func (s *Store) Present() error {
	for _, suffix := range openSuffixes() {
		path := s.options.Path + suffix
		info, err := os.Stat(path)
		was := s.files[suffix]
		switch {
		case was == nil && err != nil && suffix != "": // SQLite makes it when it needs it
		case err != nil:
			return fmt.Errorf("%w: %w", ErrGone, err)
		case was == nil:
			s.files[suffix] = info
		case !os.SameFile(was, info):
			return fmt.Errorf("%w: %s is another file", ErrGone, path)
		}
	}
	return nil
}

// Recreate removes the files and starts an empty history in their place. No other call may be
// in progress. If the folder is another one now, Recreate changes nothing and fails with
// ErrGone: the files there are not those of this Store. After another error every call fails
// with ErrGone until Recreate succeeds.
func (s *Store) Recreate(ctx context.Context) error {
	folder := filepath.Dir(s.options.Path)
	if info, err := os.Stat(folder); err != nil || !os.SameFile(info, s.folder) {
		return fmt.Errorf("%w: its folder %s too", ErrGone, folder)
	}
	err := s.closeFiles() // first: SQLite removes files by their path when it closes them
	if err != nil {
		s.options.Log.Warn("the former history did not close cleanly", "error", err)
	}
	s.write, s.read = nil, nil
	if err := Remove(s.options.Path); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return fmt.Errorf("history: create %s again: %w", s.options.Path, err)
	}
	return nil
}
