package journal

import (
	"context"
	"errors"
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
		return nil, errors.New("journal: server did not start")
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
		nats.Timeout(defaultStartTimeout), // a busy machine takes its time
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Error("journal connection", "name", name, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("journal: connect: %w", err)
	}
	return nc, nil
}

// A serverLog passes the server's log on and keeps its errors in mind. Its
// notices tell of every start and stop and go to debug.
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
	l.trouble.note(fmt.Sprintf(format, v...))
	l.put(slog.LevelError, format, v)
}

func (l serverLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }
