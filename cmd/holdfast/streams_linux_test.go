package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/biz/client"
	main "holdfast/cmd/holdfast"
)

// child is the program in a separate process.
type child struct {
	*exec.Cmd
	scratch string // its folder for temporary files
	ended   chan struct{}
}

// startChild starts a program. A stream that is an *os.File becomes its own.
func startChild(t *testing.T, stdin io.Reader, stdout, stderr io.Writer, command string, args ...string) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(command, args...), scratch: t.TempDir(), ended: make(chan struct{})}
	c.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1", "TMPDIR="+c.scratch)
	c.Stdin, c.Stdout, c.Stderr, c.WaitDelay = stdin, stdout, stderr, time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		_ = c.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() { _ = c.Process.Kill(); <-c.ended })
	return c
}

// wants waits for the end of a child and checks its exit code, and that it left no
// temporary files.
func (c *child) wants(t *testing.T, code int) {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(2 * patience):
		t.Fatal("the program does not end")
	}
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("ended with %s, want exit code %d", c.ProcessState, code)
	}
	if left, err := os.ReadDir(c.scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// await waits until the output matches.
func (o *output) await(t *testing.T, pattern string) []string {
	t.Helper()
	late := time.After(2 * patience)
	for {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(o.String()); m != nil {
			return m
		}
		select {
		case <-o.changed:
		case <-late:
			t.Fatalf("no %q in %s", pattern, o)
		}
	}
}

// serveChild starts a server and returns its addresses.
func serveChild(t *testing.T, stderr io.Writer, args ...string) (c *child, addr, admin string) {
	t.Helper()
	out := newOutput()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)
	c = startChild(t, nil, out, stderr, os.Args[0], args...)
	m := out.await(t, servingLine.String())
	return c, m[1], m[2]
}

// fullPipe returns the ends of a small pipe that is full.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w = smallPipe(t)
	stuff(t, w)
	return r, w
}

// stuff writes to a pipe until it is full.
func stuff(t *testing.T, w *os.File) {
	t.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", w.Fd()), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for err == nil {
		_, err = unix.Write(fd, []byte("."))
	}
	if !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
}

// smallPipe returns the ends of a pipe for one page.
func smallPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	raw, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, os.Getpagesize()) })
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// freeAddress returns an address on which nobody listens. It is not on 127.0.0.1, where
// other tests could take its port before the server does.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// probe connects and closes, as a health probe does: two lines of the log at debug.
func probe(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err == nil {
		conn.Close()
	}
	return err
}

// TestServeWithBlockedStreams: nobody reads what the server prints; it serves, counts what
// it drops, and stops.
func TestServeWithBlockedStreams(t *testing.T) {
	t.Parallel()
	_, out := fullPipe(t)
	_, errs := fullPipe(t)
	addr, admin := freeAddress(t), freeAddress(t)
	c := startChild(t, nil, out, errs, os.Args[0], "serve", "--listen", addr, "--admin", admin, "--throwaway", "--log-level", "debug")
	awaitServer(t, addr)
	dropped := func() bool {
		return !strings.Contains(get(t, "http://"+admin+"/metrics"), "holdfast_log_lines_dropped_total 0\n")
	}
	for i := 0; i%1000 > 0 || !dropped(); i++ {
		if err := probe(addr); err != nil {
			t.Fatalf("probe %d: %v", i, err)
		}
	}
	place(t, addr, &client.Order{ClientOrderID: "blocked", Side: client.Buy, Quantity: 10})
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// awaitServer waits until a server answers on addr. A connect alone would not do: a server
// that starts binds its addresses twice, and connections to the first listener are reset.
func awaitServer(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := client.Dial(t.Context(), addr, client.Options{Timeout: patience})
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not start: ", err)
		}
	}
}

// TestServeOnAFullDisk: nothing can be written to the files of both streams; the server
// goes on.
func TestServeOnAFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	addr := freeAddress(t)
	c := startChild(t, nil, full, full, os.Args[0], "serve", "--listen", addr, "--admin", "127.0.0.1:0", "--throwaway", "--log-level", "debug")
	awaitServer(t, addr)
	place(t, addr, &client.Order{ClientOrderID: "full", Side: client.Buy, Quantity: 10})
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// TestServeWithoutReaders: the readers of both streams go away; the server goes on.
func TestServeWithoutReaders(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := startChild(t, nil, w, w, os.Args[0], "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--throwaway", "--log-level", "debug")
	w.Close()
	m := readUntil(t, r, servingLine.String()+"\n")
	r.Close()
	addr, admin := m[1], m[2]
	for strings.Contains(get(t, "http://"+admin+"/metrics"), "holdfast_log_lines_dropped_total 0\n") {
		if err := probe(addr); err != nil {
			t.Fatal(err)
		}
	}
	place(t, addr, &client.Order{ClientOrderID: "gone", Side: client.Buy, Quantity: 10})
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// TestDemoWithBlockedOutput: a demo that nobody reads ends when it is asked to.
func TestDemoWithBlockedOutput(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 0, syscall.SIGTERM: 0, syscall.SIGHUP: 129} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			r, w := smallPipe(t)
			c := startChild(t, nil, w, nil, os.Args[0], "demo")
			readUntil(t, r, "serving on .*\n")
			stuff(t, w)
			c.signal(t, signal)
			c.wants(t, code)
		})
	}
}

// readUntil reads from a pipe until what it has read matches.
func readUntil(t *testing.T, r *os.File, pattern string) []string {
	t.Helper()
	if r.SetReadDeadline(time.Now().Add(time.Minute)) == nil { // a writer that has ended may leave its end open
		defer func() { _ = r.SetReadDeadline(time.Time{}) }()
	}
	var seen []byte
	for buf := make([]byte, 100); ; {
		n, err := r.Read(buf)
		seen = append(seen, buf[:n]...)
		if m := regexp.MustCompile(pattern).FindStringSubmatch(string(seen)); m != nil {
			return m
		}
		if err != nil {
			t.Fatalf("%v after %s", err, seen)
		}
	}
}

// TestDemoWithoutReader: "demo | head" ends the demo.
func TestDemoWithoutReader(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	errs := newOutput()
	c := startChild(t, nil, w, errs, os.Args[0], "demo")
	w.Close()
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	c.wants(t, 141)
	if errs.String() != "" {
		t.Errorf("said %s", errs)
	}
}

// TestTerminalGoesAway: a terminal that hangs up stops a demo, and not a server.
func TestTerminalGoesAway(t *testing.T) {
	t.Parallel()
	for _, serves := range []bool{true, false} {
		t.Run(fmt.Sprint("serves ", serves), func(t *testing.T) {
			t.Parallel()
			r, w := pseudoTerminal(t)
			args := []string{"demo"}
			if serves {
				args = []string{"serve", "--throwaway", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "debug"}
			}
			c := startChild(t, nil, w, w, os.Args[0], args...)
			addr := readUntil(t, r, servingLine.String()+"\r?\n")[1]
			w.Close()
			r.Close()
			if !serves {
				c.wants(t, 129)
				return
			}
			for range 3 {
				if err := probe(addr); err != nil {
					t.Fatal(err)
				}
			}
			place(t, addr, &client.Order{ClientOrderID: "hung up", Side: client.Buy, Quantity: 10})
			c.signal(t, syscall.SIGTERM)
			c.wants(t, 0)
		})
	}
}

// TestClientOnATerminal: the prompt appears after the account, and takes commands.
func TestClientOnATerminal(t *testing.T) {
	t.Parallel()
	r, w := pseudoTerminal(t)
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir())
	c := startChild(t, w, w, w, os.Args[0], "client", "--addr", s.addr)
	readUntil(t, r, "cash .*\n(.*\n)*>>> ")
	if _, err := r.WriteString("quit\r"); err != nil {
		t.Fatal(err)
	}
	c.wants(t, 0)
}

// pseudoTerminal returns both ends of a pseudo-terminal that controls no process.
func pseudoTerminal(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { r.Close() })
	if err := unix.IoctlSetPointerInt(int(r.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	w, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return r, w
}

// TestResultsNobodyTakes: a command whose results can't be written ends: quietly if the
// reader is gone, else with the name of the stream.
func TestResultsNobodyTakes(t *testing.T) {
	t.Parallel()
	dir := traded(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{
		{"version"}, {"--version"}, {"--help"}, {"help", "serve"}, {"serve", "--print-config"}, {"chaos", "list"},
		{"journal", "dump", "--data", dir}, {"journal", "stats", "--json", "--data", dir}, {"seed", "--out", dir + "/seed.json", "--force"},
		{"export", "executions", "--all-customers", "--data", dir}, {"export", "positions", "--all-customers", "--format", "parquet", "--data", dir},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r, gone := smallPipe(t)
			r.Close()
			for want, stdout := range map[int]*os.File{141: gone, 1: full} {
				errs := newOutput()
				c := startChild(t, nil, stdout, errs, os.Args[0], args...)
				c.wants(t, want)
				says := map[int]string{141: "", 1: "holdfast: cannot write to standard output: no space left on device\n"}[want]
				if args[0] != "serve" && errs.String() != says || !strings.HasSuffix(errs.String(), says) {
					t.Errorf("said %q, want %q", errs, says)
				}
			}
		})
	}
}

// TestMessagesNobodyTakes: a command does its work without the reader of its messages.
func TestMessagesNobodyTakes(t *testing.T) {
	r, gone := smallPipe(t)
	r.Close()
	for _, args := range [][]string{{"serve", "--print-config"}, {"version"}} {
		startChild(t, nil, nil, gone, os.Args[0], args...).wants(t, 0)
	}
	_, blocked := fullPipe(t)
	startChild(t, nil, nil, blocked, os.Args[0], "versoin").wants(t, 2)
}

// TestStopOfABlockedCommand: a command that waits for its reader can be stopped.
func TestStopOfABlockedCommand(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			r, w := smallPipe(t)
			c := startChild(t, nil, w, nil, os.Args[0], "doctor", "--help") // more than a page
			readUntil(t, r, "doctor")
			stuff(t, w)
			c.signal(t, signal)
			c.wants(t, code)
		})
	}
}

// TestSignalsOfAServer: the README's table.
func TestSignalsOfAServer(t *testing.T) {
	t.Parallel()
	errs := newOutput()
	data := t.TempDir()
	c, addr, _ := serveChild(t, errs, "--data", data, "--log-level", "info")
	for i, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE, syscall.SIGWINCH, syscall.SIGHUP, syscall.SIGSTOP} {
		c.signal(t, s)
		if s == syscall.SIGSTOP { // the system does not stop a process without a shell for SIGTSTP
			c.awaitState(t, "T")
			c.signal(t, syscall.SIGCONT)
		}
		place(t, addr, &client.Order{ClientOrderID: strconv.Itoa(i), Side: client.Buy, Quantity: 10})
	}
	errs.await(t, "the settings were reloaded")
	c.signal(t, syscall.SIGQUIT)
	c.wants(t, 2)
	if !strings.Contains(errs.String(), "SIGQUIT: quit") {
		t.Errorf("no stacks in %s", errs)
	}
	c, addr, _ = serveChild(t, newOutput(), "--data", data)
	if again := place(t, addr, &client.Order{ClientOrderID: "0", Side: client.Buy, Quantity: 10}); !again.Duplicate {
		t.Error("an acknowledged order was lost")
	}
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// awaitState waits until the system reports that state of the process.
func (c *child) awaitState(t *testing.T, state string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stat, []byte(") "+state+" ")) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the process is not in the state %s: %s", state, stat)
		}
	}
}

// TestSecondSignal: it ends a server at once, which waits for a client, and removes its
// data.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	errs := newOutput()
	c, addr, admin := serveChild(t, errs, append(patientWithReaders(), "--throwaway", "--drain", "10m")...)
	release := stall(t, addr, admin)
	defer release()
	c.signal(t, syscall.SIGTERM)
	errs.await(t, "holdfast: stopping")
	c.signal(t, syscall.SIGHUP)
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 143)
}

// TestQuit: Ctrl-\ prints the stacks, and leaves no temporary folder.
func TestQuit(t *testing.T) {
	t.Parallel()
	errs := newOutput()
	c, _, _ := serveChild(t, errs, "--throwaway")
	c.signal(t, syscall.SIGQUIT)
	c.wants(t, 2)
	if !strings.Contains(errs.String(), "SIGQUIT: quit") || strings.Count(errs.String(), "\ngoroutine ") < 2 {
		t.Errorf("no stacks in %s", errs)
	}
}

// TestReload: SIGHUP applies the log level of the file. A mistake in the file changes
// nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/serve.json"
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"log_level": "warn"}`)
	errs := newOutput()
	c, addr, _ := serveChild(t, errs, "--config", file, "--throwaway")
	write(`{"log_level": "debug"}`)
	c.signal(t, syscall.SIGHUP)
	errs.await(t, "the settings were reloaded.* log_level=DEBUG before=WARN")
	write(`{"log_level": "error", "lisen": ""}`)
	c.signal(t, syscall.SIGHUP)
	errs.await(t, `level=ERROR msg="the settings were not reloaded: .*serve.json:1: unknown key`)
	if err := probe(addr); err != nil {
		t.Fatal(err)
	}
	errs.await(t, "level=DEBUG") // as before the mistake
	c.signal(t, syscall.SIGTERM)
	c.wants(t, 0)
}

// TestInterruptedCommands: the exit code says which signal ended a command.
func TestInterruptedCommands(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run("load "+signal.String(), func(t *testing.T) {
			errs := newOutput()
			c := startChild(t, nil, nil, errs, os.Args[0], "load", "--addr", s.addr, "--connections", "1", "--duration", "1h")
			errs.await(t, "requests/s")
			c.signal(t, signal)
			c.wants(t, code)
		})
		t.Run("client "+signal.String(), func(t *testing.T) {
			in, typed, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			defer typed.Close()
			out := newOutput()
			c := startChild(t, in, out, nil, os.Args[0], "client", "--addr", s.addr)
			if _, err := typed.WriteString("holding\n"); err != nil {
				t.Fatal(err)
			}
			out.await(t, "cash")
			c.signal(t, signal)
			c.wants(t, code)
		})
	}
	t.Run("nohup", func(t *testing.T) {
		errs := newOutput()
		c := startChild(t, nil, nil, errs, "sh", "-c", `trap "" HUP; exec "$0" load --addr "$1" --connections 1 --duration 1h`, os.Args[0], s.addr)
		errs.await(t, "requests/s")
		c.signal(t, syscall.SIGHUP)
		errs.await(t, "(?s)requests/s.*requests/s.*requests/s")
		c.signal(t, syscall.SIGTERM)
		c.wants(t, 143)
	})
}

// TestReportOnAHungUpTerminal: the exit code says what the terminal can't show.
func TestReportOnAHungUpTerminal(t *testing.T) {
	p := &main.Program{Stderr: failing{}}
	if code := p.Report(t.Context(), errors.New("disk full")); code != 1 {
		t.Errorf("code %d", code)
	}
}

// failing is a stream that takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, syscall.EIO }
