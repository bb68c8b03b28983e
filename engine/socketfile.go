package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSocketPath is how long the path of a socket file may be in bytes; see unix(7).
const maxSocketPath = 107

// SocketPath returns the path of the socket file in an address such as
// "unix:/run/holdfast.sock". ok is false for a TCP address.
func SocketPath(address string) (path string, ok bool) { return strings.CutPrefix(address, "unix:") }

// checkSocketPath returns an error if no socket file can have this path.
func checkSocketPath(path string) error {
	switch {
	case path == "":
		return errors.New("the path of the socket file is empty; write, for example, unix:/run/holdfast.sock")
	case strings.HasPrefix(path, "@"):
		return fmt.Errorf("%s is an abstract socket, which any user can connect to; use the path of a file", path)
	case len(path) > maxSocketPath:
		return fmt.Errorf("the path of the socket file has %d bytes, the system allows %d; use a shorter one", len(path), maxSocketPath)
	default:
		return nil
	}
}

// CheckSocket returns an error if a server can't listen on the socket file at path:
// EADDRINUSE if another one does. It connects to a socket that is there.
func CheckSocket(path string) error {
	_, err := socketState(path)
	return err
}

// socketState is CheckSocket. stale says that path is the socket of a server that has ended.
func socketState(path string) (stale bool, err error) {
	if err := checkSocketPath(path); err != nil {
		return false, err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err := os.Stat(filepath.Dir(path))
		return false, err
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, fmt.Errorf("%s exists and is not a socket; remove it or use another path", path)
	}
	conn, err := net.Dial("unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return false, syscall.EADDRINUSE
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EPROTOTYPE): // full backlog; datagrams
		return false, syscall.EADDRINUSE
	case errors.Is(err, syscall.ECONNREFUSED):
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, err
	}
}

// socketFile is a listening socket with a path in the file system.
type socketFile struct {
	*net.UnixListener
	path string
	file fs.FileInfo
	to   *boundListener
}

// listenSocket creates the socket file at path. It replaces the one of a server that has
// ended, and nothing else. The umask sets its permissions.
func listenSocket(path string) (*socketFile, error) {
	stale, err := socketState(path)
	if err == nil && stale {
		err = os.Remove(path)
	}
	if err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would also remove a file that has taken its place
	s := &socketFile{UnixListener: l, path: path}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// Close removes the socket file and stops listening.
func (s *socketFile) Close() error {
	var removed error
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		removed = os.Remove(s.path)
	}
	return errors.Join(removed, s.UnixListener.Close())
}
