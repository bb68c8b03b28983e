//go:build unix

package terminal

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openNonblock keeps the opening of a pipe from waiting for its reader.
const openNonblock = unix.O_NONBLOCK

// A lock is tried this often, since whoever has it may be stopped.
const (
	lockTries = 100
	lockPause = 2 * time.Millisecond
)

// lockFile locks a file until it is closed.
func lockFile(file *os.File) (err error) {
	for range lockTries {
		if err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		time.Sleep(lockPause)
	}
	return err
}
