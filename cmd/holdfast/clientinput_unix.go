//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// wakeable is a file that one reads until somebody stops it: a read of a
// terminal can't be interrupted otherwise.
type wakeable struct {
	file         *os.File
	wake, waker  *os.File // ends of a pipe
	wakeFD, read int
}

// newWakeable makes one of a file; close frees what it holds, not the file.
func newWakeable(file *os.File) (*wakeable, error) {
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &wakeable{file: file, wake: wake, waker: waker, wakeFD: int(wake.Fd()), read: int(file.Fd())}, nil
}

// Read reads from the file; it returns io.EOF once stop was called.
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

// rawTerminal switches a terminal to single keys; restore switches it back.
func rawTerminal(file *os.File) (restore func(), err error) {
	state, err := term.MakeRaw(int(file.Fd()))
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(int(file.Fd()), state) }, nil // it was a terminal a moment ago
}

// watchSize calls resized with the size of a terminal, now and whenever it
// changes, until stop.
func watchSize(file *os.File, resized func(width, height int)) (stop func()) {
	changes, done, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(changes, unix.SIGWINCH)
	look := func() {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
			resized(width, height)
		}
	}
	look()
	go func() {
		defer close(ended)
		for {
			select {
			case <-changes:
				look()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(changes)
		close(done)
		<-ended
	}
}
