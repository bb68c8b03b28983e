package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NewHistoryFile is the name of an empty file in the data folder that makes the next start
// create a new identity of the history. That start removes the file. A restored backup needs it:
// clients may have seen events after the backup.
const NewHistoryFile = "new-history"

// marked reports whether the data folder has the NewHistoryFile.
func marked(data string) (bool, error) {
	_, err := os.Lstat(filepath.Join(data, NewHistoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("server: can't tell whether the history needs a new identity: %w", err)
	}
	return true, nil
}

// removeMark removes the NewHistoryFile if there is one. If a crash brings it back, the
// history gets one more identity, which harms nobody.
func removeMark(data string) error {
	err := os.Remove(filepath.Join(data, NewHistoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
