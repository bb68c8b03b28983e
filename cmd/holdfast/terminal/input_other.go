//go:build !unix

package terminal

import (
	"os"

	"golang.org/x/term"
)

// wakeable is a file; on this system its reads can't be interrupted.
type wakeable struct{ file *os.File }

func newWakeable(file *os.File) (*wakeable, error) { return &wakeable{file}, nil }

// Read reads from the file.
func (w *wakeable) Read(b []byte) (int, error) { return w.file.Read(b) }

func (w *wakeable) stop()  {}
func (w *wakeable) close() {}

// watchSize calls resized with the size of a terminal once.
func watchSize(file *os.File, resized func(width, height int)) (stop func()) {
	if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
		resized(width, height)
	}
	return func() {}
}

// stopProcess does nothing: this system can't stop a process.
func stopProcess() {}
