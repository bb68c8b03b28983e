package engine_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/procfs"

	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// tlsSessions makes the test binary serve TLS: it says its address and its certificate, answers
// each line of its input with its memory, and ends with its input.
const tlsSessions = "HOLDFAST_TEST_TLS"

// use is what the server has.
type use struct{ sessions, goroutines, heap, stacks, resident int }

func serveTLSSessions(profile string) error {
	core, err := engine.NewCore(engine.Config{Router: carriertest.Router(echo), Limits: patient(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	listeners := []engine.Listener{withTLS(engine.Listener{})}
	reactor, err := core.NewReactor(engine.ReactorConfig{Listeners: listeners, Loops: 2})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	fmt.Println(reactor.Addrs()[0])
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		self, err := procfs.Self()
		if err != nil {
			return err
		}
		stat, err := self.Stat()
		if err != nil {
			return err
		}
		fmt.Println(core.Len(), runtime.NumGoroutine(), m.HeapAlloc, m.StackInuse, stat.ResidentMemory())
		if strings.HasPrefix(profile, "/") && core.Len() > 0 {
			f, err := os.Create(profile) // of the last question with sessions
			if err != nil {
				return err
			}
			if err := errors.Join(pprof.Lookup("heap").WriteTo(f, 0), f.Close()); err != nil {
				return err
			}
		}
	}
	cancel()
	return <-ended
}

// manyTLSSessions opens n sessions of a server in another process, uses and closes them. It
// returns how many bytes of heap an idle one has, and how many of the process: right after the
// handshake, and after requests, one of them of largeBytes.
func manyTLSSessions(t *testing.T, n, largeBytes int) (fresh, used use) {
	t.Helper()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), tlsSessions+"="+os.Getenv("HOLDFAST_TEST_PROFILE")+" ")
	server.Env = append(server.Env, "GODEBUG=") // as in production
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	var addr string
	if _, err := fmt.Fscanln(said, &addr); err != nil {
		t.Fatal(err, server.Wait())
	}
	ask := func() (u use) {
		fmt.Fprintln(in, "?")
		if _, err := fmt.Fscanln(said, &u.sessions, &u.goroutines, &u.heap, &u.stacks, &u.resident); err != nil {
			t.Fatal(err)
		}
		return u
	}
	c := carriertest.ClientTLS()
	c.InsecureSkipVerify = true // the authority is that of the other process
	warm := secure(t, connect(t, addr, net.Dialer{}), c)
	carriertest.NewPeer(t, warm).Echoes(onLane)
	warm.Close()
	var before use
	eventually(t, "the end of the first", func() bool { before = ask(); return before.sessions == 0 })

	conns := make([]*tls.Conn, n)
	all := func(do func(i int) error) {
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				for i := w; i < n; i += 8 {
					if err := do(i); err != nil {
						t.Error(i, err)
						return
					}
				}
			})
		}
		workers.Wait()
	}
	// has waits until there are that many sessions, and no goroutines but those that were there and
	// the workers of the lanes.
	has := func(sessions int) (now use) {
		eventually(t, fmt.Sprintf("%d sessions, %d goroutines", sessions, before.goroutines), func() bool {
			now = ask()
			return now.sessions == sessions && now.goroutines <= before.goroutines+4
		})
		return now
	}
	per := func() use {
		now := has(n)
		return use{heap: (now.heap - before.heap) / n, stacks: (now.stacks - before.stacks) / n, resident: (now.resident - before.resident) / n}
	}
	all(func(i int) error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		conns[i] = tls.Client(conn, c)
		return conns[i].Handshake()
	})
	fresh = per()
	all(func(i int) error {
		for _, size := range []int{10, largeBytes} {
			sent := carriertest.Frame(onLoop, 1, strings.Repeat("x", size))
			if _, err := conns[i].Write(sent); err != nil {
				return err
			}
			if _, err := io.ReadFull(conns[i], make([]byte, len(sent)+1)); err != nil {
				return err
			}
		}
		return nil
	})
	used = per()
	all(func(i int) error { return conns[i].Close() })
	has(0)
	in.Close()
	if _, err := io.Copy(io.Discard, said); err != nil {
		t.Error(err)
	}
	if err := server.Wait(); err != nil {
		t.Error("the server ended with", err)
	}
	return fresh, used
}

// Hundreds of sessions at once, all used, then closed: nothing is left of them.
func TestTLSManySessions(t *testing.T) {
	fresh, used := manyTLSSessions(t, 300, 100)
	t.Logf("after the handshake %+v, after requests %+v", fresh, used)
}
