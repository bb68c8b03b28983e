package host

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/biz/console"
	wiring "holdfast/biz/server"
	"holdfast/cmd/holdfast/config"
	"holdfast/codec/websocket"
	"holdfast/engine"
)

// Limits of the console's port. A browser has up to six connections to it.
const (
	maxConsoleConnections = 256 // see consoleConnections
	consoleHeaderTime     = 5 * time.Second
	consoleTime           = 10 * time.Second // for a request with its body, and for an answer
	consoleIdleTime       = time.Minute
	consoleHeaderBytes    = 16 << 10
)

// consoleConnections returns how many connections the console has at most; see boundedConns. They are
// a part of the descriptors that clients of the listeners can't have.
func consoleConnections(files engine.FileLimit) int {
	return int(max(8, min(maxConsoleConnections, files.Soft/16)))
}

// consoleServer serves the console. A nil one serves nothing.
type consoleServer struct {
	config   *config.Config
	server   *Server
	listener net.Listener
	port     int
	place    int // of the listener that the page connects to, in Server.Addrs

	console *console.Console
	http    http.Server
	done    chan struct{}
	once    sync.Once
	log     *slog.Logger
}

// newConsole takes the port of the console, if there is to be one.
func newConsole(c *config.Config, s *Server, log *slog.Logger) (*consoleServer, error) {
	if c.Console == "" {
		return nil, nil //nolint:nilnil // there is no console
	}
	l, err := net.Listen("tcp", c.Console)
	if err != nil {
		return nil, err
	}
	s.Console = l.Addr().String()
	return &consoleServer{
		config: c, server: s, port: l.Addr().(*net.TCPAddr).Port, log: log,
		listener: l,
	}, nil
}

// addDoor makes a WebSocket listener accept the page, and adds one if the page has no other.
func (w *consoleServer) addDoor(parts *wiring.Config) {
	if w == nil {
		return
	}
	l, i := w.config.ConsoleDoor()
	w.place = 1 + i
	if i < 0 {
		w.place = len(parts.Listeners)
		own := engine.Listener{Address: l.Address, WebSocket: newWebSocket(l, false)}
		if l.TLS {
			own.TLS = w.server.encryption.config()
		}
		parts.Listeners = append(parts.Listeners, own)
	}
	scheme := "http"
	if w.config.ConsoleTLS {
		scheme = "https"
	}
	parts.Listeners[w.place].WebSocket.Page = scheme + "://:" + strconv.Itoa(w.port)
}

// start serves the console. The page can connect once open was called.
func (w *consoleServer) start(health *engine.Health) {
	if w == nil {
		return
	}
	s := w.server
	view := &view{Server: s, health: health, started: time.Now()}
	w.console = console.New(console.Config{
		Gateway: s.Gateway, Version: s.version, Port: w.port, TLS: w.config.ConsoleTLS, Demo: w.config.SeedFile == "",
		Figures: view.figures, Sessions: view.sessions,
		File: filepath.Join(w.config.Data, "console-sessions.json"), Log: w.log,
	})
	l := w.listener
	if w.config.ConsoleTLS {
		l = tls.NewListener(l, s.encryption.config())
	}
	conns := newBoundedConns(l, consoleConnections(engine.OpenFiles()))
	w.http = http.Server{
		Handler:           w.console,
		ConnState:         conns.changed,
		ReadHeaderTimeout: consoleHeaderTime,
		ReadTimeout:       consoleTime,
		WriteTimeout:      2 * consoleTime, // it counts from the headers on: a late body gets an answer
		IdleTimeout:       consoleIdleTime,
		MaxHeaderBytes:    consoleHeaderBytes,
		ErrorLog:          slog.NewLogLogger(w.log.Handler(), slog.LevelDebug), // clients cause its lines
	}
	w.done = make(chan struct{})
	go func() {
		defer close(w.done)
		if err := w.http.Serve(conns); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("the console stopped", "error", err)
		}
	}()
}

// open says where the page connects to: addrs are the addresses of the listeners.
func (w *consoleServer) open(addrs []string) {
	if w == nil {
		return
	}
	_, text, _ := net.SplitHostPort(addrs[w.place])
	port, _ := strconv.Atoi(text)
	w.console.SetDoor(port, w.config.ConsoleTLS)
	w.log.Info("the console is served", "console", w.server.Console, "websocket", addrs[w.place])
}

// close closes the port within a second. Further calls do nothing.
func (w *consoleServer) close() {
	if w == nil {
		return
	}
	w.once.Do(func() {
		if w.console == nil { // never started
			_ = w.listener.Close()
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := w.http.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = w.http.Close()
		}
		<-w.done
		w.console.Close()
		if err != nil {
			w.log.Warn("the console did not close cleanly", "error", err)
		}
	})
}

// newWebSocket returns how a listener of the configuration speaks WebSocket.
func newWebSocket(l config.Listener, echo bool) *engine.WebSocket {
	return &engine.WebSocket{Binary: websocket.Packet{}, Text: websocket.JSON{}, Origins: strings.Fields(l.Origins), Echo: echo}
}
