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
	in   inbound
}

// Write sends with a system call that the Go scheduler does not see, while nothing is
// unsent: over loopback a write often takes more than the 20 us after which the runtime
// takes the processor from the thread and wakes another. The socket never blocks. What
// it does not take at once goes through gnet, which also finds any error.
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

// CloseWrite uses the descriptor at once: after a close its number may belong to
// another client, so it is never kept.
func (l *gnetLink) CloseWrite() error {
	if l.Buffered() > 0 {
		return nil // it would be lost
	}
	return unix.Shutdown(l.conn.Fd(), unix.SHUT_WR)
}

func (l *gnetLink) Close() error { return l.conn.EventLoop().Close(l.conn) }

// kernelUnsentBytes is how much output that is not on its way yet the kernel takes
// from one session. It would take megabytes: memory that no limit of ours counts,
// and so many old prices in front of the newest.
const kernelUnsentBytes = 128 << 10

// boundKernel has the kernel leave further output to us, where limits count it. What
// is on its way does not count, so that a peer far away gets no less.
func (l *gnetLink) boundKernel() {
	// Without it the session works, and holds more.
	_ = unix.SetsockoptInt(l.conn.Fd(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, kernelUnsentBytes)
}

// gnetLogger passes gnet's log lines on.
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

// Fatalf logs as an error: ending the process is not a library's to decide.
func (g gnetLogger) Fatalf(format string, args ...any) { g.Errorf(format, args...) }
