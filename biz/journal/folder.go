package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const storeFolder = "jetstream"

// checkFolder refuses a folder that has entries which no journal makes.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("journal: folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockFile, markFile, storeFolder, "lost+found":
		default:
			return fmt.Errorf("%w: %s is not one of its files", ErrForeign, filepath.Join(dir, e.Name()))
		}
	}
	streams, err := filepath.Glob(filepath.Join(globEscape(dir), storeFolder, "*", "streams", "*"))
	if err != nil { // only for a malformed pattern
		panic("journal: " + err.Error())
	}
	for _, name := range streams {
		if filepath.Base(name) != streamName {
			return fmt.Errorf("%w: %s is not its stream", ErrForeign, name)
		}
	}
	return nil
}

// isJournal tells whether there has been a journal in dir.
func isJournal(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, markFile))
	return err == nil || !errors.Is(err, fs.ErrNotExist) || len(blockFiles(dir)) > 0
}
