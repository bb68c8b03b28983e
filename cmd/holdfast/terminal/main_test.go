package terminal_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
)

// If a key is pressed while the full screen ends, a goroutine of its library still waits to pass the
// key on. It is not counted.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents"))
}

// served is a server that a test may stop. Its prices do not move.
type served struct {
	addr string
	more []string // of further listeners
	stop func()
}

// serve starts a server on a data folder; "127.0.0.1:0" is a free port.
func serve(t *testing.T, addr, data string) *served {
	t.Helper()
	return serveSeed(t, addr, data, "")
}

// serveSeed is serve with a seed file.
func serveSeed(t *testing.T, addr, data, seed string) *served {
	t.Helper()
	c := config.Default()
	c.Listen, c.Admin, c.Data, c.SeedFile = addr, "127.0.0.1:0", data, seed
	return serveConfig(t, c)
}

// serveDoors is serve with listeners for WebSocket and chat, whose addresses are ws and chat.
func serveDoors(t *testing.T, ws, chat, data string) *served {
	t.Helper()
	c := config.Default()
	c.Listen, c.Admin, c.Data = "127.0.0.1:0", "127.0.0.1:0", data
	c.Listeners = []config.Listener{{Dialect: config.DialectWebSocket, Address: ws}, {Dialect: config.DialectChat, Address: chat}}
	return serveConfig(t, c)
}

func serveConfig(t *testing.T, c *config.Config) *served {
	t.Helper()
	s, err := host.Start(t.Context(), c, host.Options{Carrier: host.Reactor}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &served{addr: s.Addrs[0], more: s.Addrs[1:], stop: stop}
}

func testServer(t *testing.T) *served {
	t.Helper()
	return serve(t, "127.0.0.1:0", t.TempDir())
}

// options are those of a customer of the shipped seed.
func options(addr string, customer client.Customer) terminal.Options {
	return terminal.Options{
		Addr: addr, Customer: customer, Credential: client.Password(client.DemoPassword), Style: terminal.NewStyle(false),
	}
}

// typed runs a client that gets these lines on standard input.
func typed(t *testing.T, addr string, customer client.Customer, lines string) (stdout string, err error) {
	t.Helper()
	out := newOutput()
	o := options(addr, customer)
	o.Stdin, o.Stdout = strings.NewReader(lines), out
	err = terminal.Run(t.Context(), o)
	return out.String(), err
}

// running is a client whose standard input stays open.
type running struct {
	out  *output
	in   *io.PipeWriter
	ends chan error
}

func startClient(t *testing.T, addr string, customer client.Customer, reconnect bool) *running {
	t.Helper()
	return startWith(t, options(addr, customer), reconnect)
}

// startWith is startClient with other options.
func startWith(t *testing.T, o terminal.Options, reconnect bool) *running {
	t.Helper()
	reader, writer := io.Pipe()
	r := &running{out: newOutput(), in: writer, ends: make(chan error, 1)}
	o.Stdin, o.Stdout, o.Reconnect = reader, r.out, &reconnect
	var work sync.WaitGroup
	work.Go(func() { r.ends <- terminal.Run(t.Context(), o) })
	t.Cleanup(func() {
		writer.Close()
		work.Wait()
	})
	return r
}

// output is a stream that a test may read while a program writes to it.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// await waits until the output has a text.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	end := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.changed:
		case <-end:
			t.Fatalf("%q is not in\n%s", text, o)
		}
	}
}
