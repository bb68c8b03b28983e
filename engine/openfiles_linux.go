package engine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FileLimit is the process's limit of open files.
type FileLimit struct {
	Soft, Hard uint64
}

// OpenFiles returns the current limit; zero if the system does not tell.
func OpenFiles() FileLimit {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return FileLimit{}
	}
	return FileLimit{Soft: l.Cur, Hard: l.Max}
}

// RaiseOpenFiles raises the soft limit to the hard one, which needs no privileges. It
// returns the limit afterwards, also with an error.
func RaiseOpenFiles() (FileLimit, error) {
	l := OpenFiles()
	if l.Soft < l.Hard {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Hard, Max: l.Hard}); err != nil {
			return l, fmt.Errorf("engine: raising the open-file limit from %d to %d: %w", l.Soft, l.Hard, err)
		}
	}
	return OpenFiles(), nil
}
