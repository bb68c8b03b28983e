package carriertest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2/pkg/pool/goroutine"

	"holdfast/engine"
)

// Server is a core with a carrier that serves it.
type Server struct {
	*engine.Core
	Addr  string   // the first of Addrs
	Addrs []string // where it listens
	// Stop stops the carrier and closes the core; later calls return the same error. At
	// the end of a test, a server that still runs is stopped; an error fails the test.
	Stop func() error
}

// NewCore returns a core with defaults for a test: a Router with Echo, and no log.
func NewCore(t testing.TB, config engine.Config) *engine.Core {
	t.Helper()
	if config.Router == nil {
		config.Router = Router(Echo)
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	core, err := engine.NewCore(config)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// Serve runs a carrier of the core until the end of the test.
func Serve(t testing.TB, core *engine.Core, carrier Carrier) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- carrier.Run(ctx) }()
	select {
	case <-carrier.Booted():
	case err := <-ended:
		cancel()
		t.Fatal("the carrier does not run:", err)
	}
	s := &Server{Core: core, Addrs: carrier.Addrs()}
	s.Addr = s.Addrs[0]
	s.Stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		closing, done := context.WithTimeout(context.Background(), Patience)
		defer done()
		return errors.Join(err, core.Close(closing))
	})
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// Main is the testing.M for goleak of a package whose servers listen on socket files. The
// connections to them use goroutines of gnet, which would idle for 10 s.
type Main struct{ *testing.M }

// Run implements goleak.TestingM.
func (m Main) Run() int {
	defer goroutine.DefaultWorkerPool.Release()
	return m.M.Run()
}

// Patience is how long a test waits for what must happen. Only a failing test waits that
// long.
const Patience = time.Minute

// Eventually waits until ok returns true, or fails the test.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("%s did not happen", what)
}
