package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const storeFolder = "jetstream"

// checkFolder refuses a folder with files that do not belong to a journal.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("journal: folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockFile, markFile, trimmedFile, trimmedNew, storeFolder, "lost+found":
		default:
			return fmt.Errorf("%w: %s does not belong to one; choose another folder, or remove that file", ErrForeign, filepath.Join(dir, e.Name()))
		}
	}
	streams, err := filepath.Glob(filepath.Join(globEscape(dir), storeFolder, "*", "streams", "*"))
	if err != nil { // only for a malformed pattern
		panic("journal: " + err.Error())
	}
	for _, name := range streams {
		if filepath.Base(name) != streamName {
			return fmt.Errorf("%w: %s is a stream of another program; choose another folder", ErrForeign, name)
		}
	}
	return nil
}

// isJournal reports whether there has been a journal in dir.
func isJournal(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, markFile))
	return err == nil || !errors.Is(err, fs.ErrNotExist) || len(blockFiles(dir)) > 0
}

// IsExternal reports whether dir is the folder of a journal on external servers: there has been a
// journal, and none of its files are here.
func IsExternal(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, storeFolder))
	return errors.Is(err, fs.ErrNotExist) && isJournal(dir)
}
