package process_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/perf/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a shell script that ends with the test.
func start(t *testing.T, o process.Options, script string) *process.Child {
	t.Helper()
	o.Args = append(o.Args, "sh", "-c", script)
	c, err := process.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.KillGroup(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// says returns a ready check: the child has written a text.
func says(c interface{ Output() string }, text string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(c.Output(), text) {
			return errors.New("not yet")
		}
		return nil
	}
}

func TestChildEnds(t *testing.T) {
	c := start(t, process.Options{Env: []string{"WORD=three"}}, "echo one; echo two >&2; echo $WORD; echo four; exit 3")
	code, err := c.Wait(t.Context())
	if code != 3 || err != nil || c.State().ExitCode() != 3 {
		t.Errorf("exit code %d, error %v", code, err)
	}
	if c.Output() != "one\ntwo\nthree\nfour\n" || c.LastWords() != "two | three | four" {
		t.Errorf("output %q, last words %q", c.Output(), c.LastWords())
	}
	if err := c.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	stdout := process.NewTail(4)
	c := start(t, process.Options{Stdout: stdout, OutputBytes: 3}, "echo out; echo error >&2")
	<-c.Ended()
	if c.Output() != "or\n" || stdout.String() != "out\n" {
		t.Errorf("stderr %q, stdout %q", c.Output(), stdout)
	}
}

func TestNoSuchProgram(t *testing.T) {
	if c, err := process.Start(process.Options{Args: []string{"/no/such/program"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestWaitReady(t *testing.T) {
	short, cancel := context.WithCancel(t.Context())
	cancel()
	never := errors.New("never")
	c := start(t, process.Options{}, "echo ready; exec sleep 60")
	if err := c.WaitReady(t.Context(), says(c, "ready")); err != nil {
		t.Error(err)
	}
	if err := c.WaitReady(short, func(context.Context) error { return never }); !errors.Is(err, never) {
		t.Errorf("context ended: %v", err)
	}
	if _, err := c.Wait(short); !errors.Is(err, process.ErrStillRunning) {
		t.Errorf("wait: %v", err)
	}
	c.Kill()
	if err := c.WaitReady(t.Context(), func(context.Context) error { return never }); !errors.Is(err, process.ErrEnded) {
		t.Errorf("child ended: %v", err)
	}
}

// TestStop: a child that ignores the request is killed with all its children.
func TestStop(t *testing.T) {
	polite := start(t, process.Options{}, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
	deaf := start(t, process.Options{}, "trap '' TERM; sleep 60 & echo $!; wait")
	for _, c := range []*process.Child{polite, deaf} {
		if err := c.WaitReady(t.Context(), says(c, "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := polite.Stop(time.Minute); err != nil || polite.State().ExitCode() != 7 {
		t.Errorf("polite: %v, %v", polite.State(), err)
	}
	if err := deaf.Stop(time.Millisecond); err != nil || deaf.State().ExitCode() != -1 {
		t.Errorf("deaf: %v, %v", deaf.State(), err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(deaf.Output()))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 { // until the system has reaped it
		if process.RSS(child) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the child of the child lives on")
}

func TestInnermost(t *testing.T) {
	c := start(t, process.Options{}, "sh -c 'echo $$; exec sleep 60'; true")
	if err := c.WaitReady(t.Context(), says(c, "\n")); err != nil {
		t.Fatal(err)
	}
	c.Innermost()
	if strconv.Itoa(c.PID) != strings.TrimSpace(c.Output()) {
		t.Errorf("innermost %d, want %s", c.PID, c.Output())
	}
}

func TestUsage(t *testing.T) {
	before, err := process.ReadUsage(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := process.ReadThreadUsage()
	for process.ReadThreadUsage().Since(own).CPU < 50*time.Millisecond {
	}
	time.Sleep(time.Millisecond) // a voluntary switch
	after, err := process.ReadUsage(os.Getpid())
	used := after.Since(before)
	if err != nil || used.CPU < 50*time.Millisecond || used.User+used.System < 30*time.Millisecond || after.Voluntary == 0 {
		t.Errorf("used %+v, error %v", used, err)
	}
	if u, err := process.ReadUsage(gone(t)); err == nil {
		t.Errorf("usage of a process that is gone: %+v", u)
	}
}

// gone returns the number of an ended process.
func gone(t *testing.T) int {
	t.Helper()
	c := start(t, process.Options{}, "exit 0")
	<-c.Ended()
	return c.PID
}

func TestMemoryAndDescriptors(t *testing.T) {
	const size = 32 << 20
	before := process.ReadMemory(os.Getpid())
	files := process.Descriptors(os.Getpid())
	held, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(held) }()
	for i := 0; i < size; i += os.Getpagesize() {
		held[i] = 1
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	after := process.ReadMemory(os.Getpid())
	for _, more := range []uint64{after.RSS - before.RSS, after.PSS - before.PSS, after.Private - before.Private} {
		if more < size*3/4 || more > 2*size {
			t.Errorf("before %+v, after %+v", before, after)
		}
	}
	if n := process.Descriptors(os.Getpid()); n != files+1 {
		t.Errorf("%d descriptors, then %d", files, n)
	}
	pid := gone(t)
	if m, n := process.ReadMemory(pid), process.Descriptors(pid); m != (process.Memory{}) || n != 0 {
		t.Errorf("of a process that is gone: %+v, %d descriptors", m, n)
	}
}

func TestRaiseFileLimit(t *testing.T) {
	limit, err := process.RaiseFileLimit()
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	if err != nil || limit != now.Max || now.Cur != now.Max {
		t.Errorf("limit %d, error %v, now %+v", limit, err, now)
	}
}

func TestPins(t *testing.T) {
	cores := process.AllowedCores()
	pins, err := process.FindPins()
	if err != nil {
		t.Skip(err)
	}
	c := start(t, process.Options{Args: pins.Prefix()}, "grep Cpus_allowed_list /proc/self/status")
	if _, err := c.Wait(t.Context()); err != nil || !strings.HasSuffix(c.Output(), "\t"+strconv.Itoa(cores[0])+"\n") {
		t.Errorf("the child may use %q, want core %d; error %v", c.Output(), cores[0], err)
	}
	release := pins.PinSelf()
	pinned := process.AllowedCores()
	release()
	if !slices.Equal(pinned, cores[1:2]) || !slices.Equal(process.AllowedCores(), cores) {
		t.Errorf("cores %v, pinned %v, released %v", cores, pinned, process.AllowedCores())
	}
	if none := (process.Pins{}); none.Prefix() != nil {
		t.Error("the zero value pins")
	}
}

func TestMemoryGroup(t *testing.T) {
	g, err := process.NewMemoryGroup("holdfast-process-"+strconv.Itoa(os.Getpid()), 64<<20)
	if err != nil {
		t.Skip(err)
	}
	c := start(t, process.Options{Args: g.Prefix()}, "head -c 1000000 /dev/zero | tail -c 1000000 > /dev/null; cat /proc/self/cgroup")
	_, err = c.Wait(t.Context())
	if err != nil || !strings.Contains(c.Output(), "holdfast-process-") || g.Peak() == 0 || g.Peak() > 64<<20 {
		t.Errorf("output %q, peak %d, error %v", c.Output(), g.Peak(), err)
	}
	if g.Failures() != 0 {
		t.Errorf("the limit was met %d times", g.Failures())
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}
