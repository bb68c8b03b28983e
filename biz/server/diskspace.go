//go:build linux || darwin

package server

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

// freeSpace returns how many bytes this process can still write to the file system of a
// folder.
func freeSpace(folder string) (bytes uint64, err error) {
	var fs unix.Statfs_t
	for {
		if err = unix.Statfs(folder, &fs); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	blocks, size := fs.Bavail, uint64(fs.Bsize)
	if size > 0 && blocks > math.MaxUint64/size {
		return math.MaxUint64, nil
	}
	return blocks * size, nil
}
