package goconn

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"holdfast/codec"
	"holdfast/engine"
)

// Config says how and where a Server listens.
type Config struct {
	// Style is how connections are served; required.
	Style Style
	// Dialect is that of the listener. Default codec.Packet. Its frames have at least 4
	// bytes, of which its FrameLen needs no more.
	Dialect codec.Dialect
	// Listen is the address, such as "127.0.0.1:8888"; port 0 takes a free one.
	Listen string
	// TLS, if set, encrypts the connections with crypto/tls. Handshakes that take longer than
	// handshakeTime fail. See the package comment.
	TLS *tls.Config
	// Drain is how long a stop may take before the remaining connections are cut. Default
	// 10 s.
	Drain time.Duration
	// OnDrain, if set, is called during a stop, after the last request was executed and
	// before the sessions get the Notice, as in engine.ReactorConfig.
	OnDrain func(context.Context) error
	// Log is for operators; nil means slog.Default.
	Log *slog.Logger
}

// Server carries the sessions of a core on a goroutine per connection.
type Server struct {
	core     *engine.Core
	config   Config
	limits   engine.Limits
	listener engine.Listener

	addr      string
	accepting chan struct{}
	pushers   []*pusher
	workers   *workers // of the styles readwriter and coalescing, else nil

	contexts sync.Pool // of *engine.Context
	attempts sync.Pool // of *attempt
	readers  sync.Pool // of *bufio.Reader; this and the next two are for the style pooled
	writers  sync.Pool // of *bufio.Writer
	frames   sync.Pool // of *[]byte

	mu      sync.Mutex
	conns   map[carried]struct{}
	reading sync.WaitGroup // connections that may still send requests
	open    sync.WaitGroup // goroutines of connections
}

// New checks that the style exists and the address is free. The error wraps ErrStyle, or
// is an *engine.ListenError. Nothing runs or listens before Run.
func New(core *engine.Core, c Config) (*Server, error) {
	if !slices.Contains(Styles(), c.Style) {
		return nil, fmt.Errorf("%w %q: use one of %q", ErrStyle, c.Style, Styles())
	}
	if c.Drain <= 0 {
		c.Drain = 10 * time.Second
	}
	if c.Dialect == nil {
		c.Dialect = codec.Packet{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Server{core: core, config: c, limits: core.Limits(), accepting: make(chan struct{}), conns: make(map[carried]struct{})}
	s.listener = engine.Listener{Address: c.Listen, Dialect: c.Dialect}
	l, err := s.listen(context.Background())
	if err != nil {
		return nil, err
	}
	s.contexts.New = func() any { return core.NewInlineContext() }
	s.attempts.New = newAttempt
	s.readers.New = func() any { return bufio.NewReaderSize(nil, bufferBytes) }
	s.writers.New = func() any { return bufio.NewWriterSize(nil, bufferBytes) }
	s.frames.New = func() any { return new([]byte) }
	for range runtime.GOMAXPROCS(0) {
		s.pushers = append(s.pushers, newPusher(core))
	}
	return s, l.Close()
}

// listen opens the listener, without keep-alive probes and Multipath TCP, because the
// reactor does not have their cost either.
func (s *Server) listen(ctx context.Context) (*net.TCPListener, error) {
	plain := net.ListenConfig{KeepAlive: -1}
	plain.SetMultipathTCP(false)
	l, err := plain.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return nil, &engine.ListenError{Address: s.config.Listen, Err: err}
	}
	return l.(*net.TCPListener), nil
}

// Addrs returns the one address that the server listens on. Call it after Booted is
// closed.
func (s *Server) Addrs() []string { return []string{s.addr} }

// Booted is closed when the server accepts connections.
func (s *Server) Booted() <-chan struct{} { return s.accepting }

// Run serves until ctx ends, then drains: requests already read are executed and
// answered, sessions get a Notice, and the goroutines end. It returns nil after that,
// engine.ErrDrainTimeout if Config.Drain was too short, or the reason why it could not
// start.
func (s *Server) Run(ctx context.Context) error {
	l, err := s.listen(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	for _, p := range s.pushers {
		go p.work()
	}
	if s.config.Style == ReadWriter || s.config.Style == Coalescing {
		s.workers = startWorkers(s.core)
	}
	s.core.StartServing()
	close(s.accepting)
	defer context.AfterFunc(ctx, func() {
		s.core.StartDrain()
		_ = l.Close()
	})()
	s.accept(ctx, l)
	return s.drain()
}

// accept accepts connections until the listener is closed. After any other error, such as
// EMFILE, it waits and tries again.
func (s *Server) accept(ctx context.Context, l *net.TCPListener) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for n := 0; ; n++ {
		tcp, err := l.AcceptTCP()
		switch {
		case err == nil:
			pause = shortest
			s.take(ctx, tcp, s.pushers[n%len(s.pushers)])
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		s.config.Log.Warn("connection not accepted", "error", err, "again_in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// handshakeTime is how long a TLS handshake may take.
const handshakeTime = 5 * time.Second

// take carries a connection, after the TLS handshake if there is one.
func (s *Server) take(ctx context.Context, tcp *net.TCPConn, p *pusher) {
	if s.config.TLS == nil {
		s.carry(ctx, tcp, tcp, p)
		return
	}
	s.reading.Add(1) // a stop waits for the handshake, which it ends
	s.open.Go(func() {
		defer s.reading.Done()
		timed, cancel := context.WithTimeout(ctx, handshakeTime)
		defer cancel()
		encrypted := tls.Server(tcp, s.config.TLS)
		if err := encrypted.HandshakeContext(timed); err != nil {
			_ = tcp.Close()
			return
		}
		s.carry(ctx, tcp, encrypted, p)
	})
}

// carry opens a session for a connection, or refuses it with a Notice.
func (s *Server) carry(ctx context.Context, tcp *net.TCPConn, over stream, p *pusher) {
	c := s.newConn(tcp, over, p)
	session, reason := s.core.Open(p.index, c, tcp.RemoteAddr(), &s.listener)
	if session == nil {
		_, _ = over.Write(s.core.Refusal(reason, tcp.RemoteAddr(), &s.listener))
		_ = tcp.Close()
		c.release()
		return
	}
	c.base().session = session
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.reading.Add(1)
	if ctx.Err() != nil { // the stop has not seen it
		_ = tcp.SetReadDeadline(time.Unix(1, 0))
	}
	s.open.Go(func() { s.serve(c) })
}

// frameLen returns the length of the frame that starts with head.
func (s *Server) frameLen(head []byte) (int, error) {
	return s.config.Dialect.FrameLen(head, s.limits.MaxFrameBytes)
}

// newConn makes the connection of the server's style.
func (s *Server) newConn(tcp *net.TCPConn, over stream, p *pusher) (c carried) {
	switch s.config.Style {
	case ReadWriter, Coalescing:
		c = &readWriterConn{out: make(chan *message, outMessages), coalesces: s.config.Style == Coalescing}
	case Textbook:
		c = new(textbookConn)
	case Buffered:
		c = new(bufferedConn)
	default:
		c = new(pooledConn)
	}
	c.init(s, tcp, over, p)
	return c
}

// serve carries a session from its first byte to its end.
func (s *Server) serve(c carried) {
	err := c.serve()
	if reason := frameReason(err); reason != engine.ReasonNone {
		c.refuse(reason)
	}
	s.reading.Done()
	b := c.base()
	reason := b.ended(err)
	_ = b.tcp.Close()
	c.release()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	b.pusher.do(func() { s.core.Closed(b.session, reason) })
}

// takeContext takes a context from the pool.
func (s *Server) takeContext() *engine.Context { return s.contexts.Get().(*engine.Context) }

// giveContext puts it back, after its replies were taken or posted.
func (s *Server) giveContext(ctx *engine.Context) {
	ctx.Session = nil
	s.contexts.Put(ctx)
}
