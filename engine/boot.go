package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// bootTime is how long an event loop may take to accept its first connection.
const bootTime = 5 * time.Second

// introduction is the context of a connection that the reactor opens to learn of an event
// loop: gnet shows its loops only as those of connections.
type introduction struct{}

// boot begins to serve, once gnet's loops run.
func (r *Reactor) boot() error {
	if len(r.sockets.files) > 0 {
		for range r.loops { // gnet takes turns
			if err := r.introduce(); err != nil {
				return fmt.Errorf("engine: event loops: %w", err)
			}
		}
		r.sockets.start(r)
	}
	r.core.StartServing()
	close(r.booted)
	return nil
}

// running reports whether the reactor has booted.
func (r *Reactor) running() bool {
	select {
	case <-r.booted:
		return true
	default:
		return false
	}
}

// isBound reports whether the loop is bound to gnet's: it has had a connection. Goroutine:
// any.
func (l *loop) isBound() bool {
	select {
	case <-l.bound:
		return true
	default:
		return false
	}
}

// introduce binds an event loop that no client has connected to yet, so that it can
// get the connections of socket files.
func (r *Reactor) introduce() error {
	near, far, err := socketPair()
	if err != nil {
		return err
	}
	defer far.Close()
	ctx := gnet.NewContext(gnet.NewNetConnContext(context.Background(), near), introduction{})
	opened, err := r.engine.Register(ctx) // closes near
	if err != nil {
		return errors.Join(err, near.Close())
	}
	select {
	case result := <-opened:
		return result.Err
	case <-time.After(bootTime):
		return context.DeadlineExceeded
	}
}

// socketPair returns two connected sockets.
func socketPair() (near, far net.Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	conns := make([]net.Conn, len(fds))
	for i, fd := range fds {
		unix.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "")
		conn, wrong := net.FileConn(file)
		conns[i], err = conn, errors.Join(err, wrong, file.Close())
	}
	if err != nil {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
		return nil, nil, err
	}
	return conns[0], conns[1], nil
}

// acceptors accept connections to socket files, one acceptor for each socket and event
// loop. gnet can't: with a socket file it would not use SO_REUSEPORT for the TCP
// listeners either, and then run out of descriptors.
type acceptors struct {
	files   []*socketFile
	running sync.WaitGroup
	stop    sync.Once
	stopped chan struct{} // no loop opens connections any more
	failed  LogLimiter
}

// openSockets creates the socket files of the listeners.
func (r *Reactor) openSockets() (*acceptors, error) {
	a := &acceptors{stopped: make(chan struct{})}
	for _, l := range r.listeners {
		path, ok := SocketPath(l.addr)
		if !ok {
			continue
		}
		s, err := listenSocket(path)
		if err != nil {
			a.close(0)
			return nil, &ListenError{Address: l.Address, Err: err}
		}
		s.to = l
		a.files = append(a.files, s)
	}
	return a, nil
}

// start accepts connections for all event loops.
func (a *acceptors) start(r *Reactor) {
	for _, s := range a.files {
		for _, l := range r.loops {
			a.running.Go(func() { a.accept(r, s, l) })
		}
	}
}

// accept passes connections to an event loop until the socket is closed.
func (a *acceptors) accept(r *Reactor, s *socketFile, l *loop) {
	const pause = 50 * time.Millisecond
	ctx := gnet.NewContext(context.Background(), s.to)
	for {
		conn, err := s.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			a.warn(r.core.log, err)
			time.Sleep(pause)
			continue
		}
		opened, err := l.events.Enroll(ctx, conn) // closes conn
		if err != nil {
			_ = conn.Close() // the loop has ended
			return
		}
		select {
		case result := <-opened: // one at a time: each takes descriptorsPerAcceptor until then
			if result.Err != nil {
				a.warn(r.core.log, result.Err)
			}
		case <-a.stopped:
			return
		}
	}
}

func (a *acceptors) warn(log *slog.Logger, err error) {
	if others, due := a.failed.Allow(time.Now(), closeLogPause); due {
		log.Warn("connection to a socket file not accepted", "error", err, "others", others)
	}
}

// close removes the socket files and ends the acceptors. Connections that they have accepted
// are passed to the loops if that takes no longer than patience: gnet would keep those that
// a loop does not open before it ends. close may be called more than once.
func (a *acceptors) close(patience time.Duration) {
	a.stop.Do(func() {
		for _, s := range a.files {
			_ = s.Close() // a file that is left does not prevent the next start
		}
		ended := make(chan struct{})
		go func() {
			a.running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(patience):
		}
		close(a.stopped)
		<-ended
	})
}

// placeholder is a listening socket that nobody can connect to, since its name is removed
// at once: gnet does not run without a listener.
type placeholder struct {
	dir  int // the folder of the socket file, which can be written
	name string
}

func newPlaceholder(path string) (*placeholder, error) {
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	return &placeholder{dir, fmt.Sprintf(".holdfast-%d-%d", os.Getpid(), dir)}, nil
}

// addr returns the address for gnet. It is short however long the path of the folder is.
func (p *placeholder) addr() string { return fmt.Sprintf("unix:///proc/self/fd/%d/%s", p.dir, p.name) }

func (p *placeholder) unlink() { _ = unix.Unlinkat(p.dir, p.name, 0) }

// close is for when gnet no longer uses addr.
func (p *placeholder) close() {
	p.unlink()
	_ = unix.Close(p.dir)
}
