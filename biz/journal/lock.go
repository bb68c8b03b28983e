package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const lockFile = "lock"

// lockDir locks the folder for this Journal. The kernel drops the lock when the process
// ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: lock: %w", err)
	}
	return lockFileOf(dir, f, syscall.LOCK_EX)
}

// lockDirToRead locks the folder against a Journal, but not against other readers. The
// file is nil if there is no lock file: then the folder was never opened.
func lockDirToRead(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: lock: %w", err)
	}
	return lockFileOf(dir, f, syscall.LOCK_SH)
}

// lockFileOf locks f. After an error f is closed.
func lockFileOf(dir string, f *os.File, how int) (*os.File, error) {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return nil, fmt.Errorf("journal: lock %s: %w", dir, err)
}
