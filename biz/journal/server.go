package journal

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startServer starts JetStream in this process, on the folder, without a port.
func startServer(o Options, t *trouble) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:         "journal",
		DontListen:         true,
		JetStream:          true,
		StoreDir:           o.Dir,
		SyncAlways:         true, // fsync before each acknowledgement
		JetStreamMaxStore:  o.MaxStore,
		JetStreamMaxMemory: 64 << 20,
		MaxPayload:         1 << 20,
		NoSigs:             true,
	})
	if err != nil {
		return nil, fmt.Errorf("journal: server: %w", err)
	}
	srv.SetLoggerV2(serverLog{o.Log, t}, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(defaultStartTimeout) {
		stopServer(srv)
		return nil, fmt.Errorf("journal: the store did not start within %v; its log lines say why", defaultStartTimeout)
	}
	return srv, nil
}

func stopServer(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// connect opens a connection inside the process.
func connect(srv *server.Server, name string, log *slog.Logger) (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.Name(name), nats.NoReconnect(),
		nats.Timeout(defaultStartTimeout), // a busy machine is slow
		logErrors(log, name))
	if err != nil {
		return nil, fmt.Errorf("journal: connect: %w", err)
	}
	return nc, nil
}

func logErrors(log *slog.Logger, name string) nats.Option {
	return nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		log.Error("journal connection error", "name", name, "error", err)
	})
}

// A serverLog logs what the server logs, and records its errors. The server's notices,
// which report every start and stop, go to the debug level.
type serverLog struct {
	log     *slog.Logger
	trouble *trouble
}

func (l serverLog) put(level slog.Level, format string, v []any) {
	ctx := context.Background()
	if l.log.Enabled(ctx, level) {
		l.log.Log(ctx, level, "journal server", "text", fmt.Sprintf(format, v...))
	}
}

func (l serverLog) Noticef(format string, v ...any) { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Debugf(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Tracef(format string, v ...any)  { l.put(slog.LevelDebug, format, v) }
func (l serverLog) Warnf(format string, v ...any)   { l.put(slog.LevelWarn, format, v) }

func (l serverLog) Errorf(format string, v ...any) {
	l.trouble.record(fmt.Sprintf(format, v...))
	l.put(slog.LevelError, format, v)
}

func (l serverLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }
