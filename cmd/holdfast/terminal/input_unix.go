//go:build unix

package terminal

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// wakeable is a file whose reads can be stopped; a read of a terminal can't be
// interrupted otherwise.
type wakeable struct {
	file         *os.File
	wake, waker  *os.File // ends of a pipe
	wakeFD, read int
}

// newWakeable returns a wakeable for a file; its close does not close the file.
func newWakeable(file *os.File) (*wakeable, error) {
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &wakeable{file: file, wake: wake, waker: waker, wakeFD: int(wake.Fd()), read: int(file.Fd())}, nil
}

// Read reads from the file; after stop it returns io.EOF.
func (w *wakeable) Read(b []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(w.read), Events: unix.POLLIN}, {Fd: int32(w.wakeFD), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case fds[1].Revents != 0:
			return 0, io.EOF
		}
		return w.file.Read(b)
	}
}

// stop ends all reads, now and later.
func (w *wakeable) stop() { w.waker.Close() }

func (w *wakeable) close() {
	w.waker.Close()
	w.wake.Close()
}

// watchSize calls resized with the size of a terminal, now and whenever it
// changes, until stop.
func watchSize(file *os.File, resized func(width, height int)) (stop func()) {
	changes, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changes, unix.SIGWINCH)
	look := func() {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
			resized(width, height)
		}
	}
	look()
	go func() {
		defer close(ended)
		for range changes {
			look()
		}
	}()
	return func() {
		signal.Stop(changes)
		close(changes) // nothing sends after Stop
		<-ended
	}
}

// stopTime is how long a stop by SIGTSTP may take to have an effect.
const stopTime = 500 * time.Millisecond

// stopProcess stops this process and the others of the same shell job, until the shell continues
// them. Where the system ignores that, because there is no such shell, it returns after stopTime.
func stopProcess() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	if unix.Kill(0, unix.SIGTSTP) != nil {
		return
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-continued:
	case <-timer.C:
	}
}
