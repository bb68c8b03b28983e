package engine

import (
	"fmt"
	"log/slog"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// gnetLink is the Link of a gnet connection.
type gnetLink struct {
	conn gnet.Conn
}

// Write sends with a raw system call, unseen by the Go scheduler, while nothing is
// unsent. A write over loopback often takes more than 20 us; after that the runtime
// would hand the processor to another thread. The socket never blocks. gnet writes what
// the socket does not take, and reports errors.
func (l *gnetLink) Write(b []byte) error {
	if l.conn.OutboundBuffered() == 0 {
		if b = b[rawSend(l.conn.Fd(), b):]; len(b) == 0 {
			return nil
		}
	}
	_, err := l.conn.Write(b)
	return err
}

func (l *gnetLink) Buffered() int { return l.conn.OutboundBuffered() }

// CloseWrite reads the descriptor each time: after a close its number may belong to
// another client.
func (l *gnetLink) CloseWrite() error {
	if l.Buffered() > 0 {
		return nil // it would be lost
	}
	return unix.Shutdown(l.conn.Fd(), unix.SHUT_WR)
}

func (l *gnetLink) Close() error { return l.conn.EventLoop().Close(l.conn) }

// kernelUnsentBytes bounds the output of one session that waits in the kernel. Without it
// the kernel takes megabytes: memory that no limit counts, and old prices that go out
// before the newest.
const kernelUnsentBytes = 128 << 10

// boundKernel sets that bound. Data in flight does not count, so that distant peers get
// full speed.
func (l *gnetLink) boundKernel() {
	// If it fails, the session works, and may hold more.
	_ = unix.SetsockoptInt(l.conn.Fd(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, kernelUnsentBytes)
}

// gnetLogger forwards gnet's log lines.
type gnetLogger struct {
	log *slog.Logger
}

func (g gnetLogger) Debugf(format string, args ...any) {
	g.log.Debug("gnet", "text", fmt.Sprintf(format, args...))
}
func (g gnetLogger) Infof(format string, args ...any) {
	g.log.Debug("gnet", "text", fmt.Sprintf(format, args...))
}
func (g gnetLogger) Warnf(format string, args ...any) {
	g.log.Warn("gnet", "text", fmt.Sprintf(format, args...))
}
func (g gnetLogger) Errorf(format string, args ...any) {
	g.log.Error("gnet", "text", fmt.Sprintf(format, args...))
}

// Fatalf logs an error: a library must not end the process.
func (g gnetLogger) Fatalf(format string, args ...any) { g.Errorf(format, args...) }
