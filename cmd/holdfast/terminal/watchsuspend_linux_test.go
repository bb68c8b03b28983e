package terminal_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cmd/holdfast/terminal"
)

// watchedEnv makes a test process a watch of the server at this address.
const watchedEnv = "HOLDFAST_TEST_WATCH"

// TestWatchSuspends: Ctrl-Z stops the process with the terminal as it was, and the watch goes on when
// it is continued.
func TestWatchSuspends(t *testing.T) {
	if addr := os.Getenv(watchedEnv); addr != "" {
		o := options(addr, 100020)
		o.Stdin, o.Stdout = os.Stdin, os.Stdout
		if err := terminal.Watch(t.Context(), o, []string{"TERM=xterm"}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	addr := testServer(t).addr
	term := openTerminal(t)
	before := term.settings(t)
	child, err := os.StartProcess(os.Args[0], []string{os.Args[0], "-test.run=^TestWatchSuspends$"}, &os.ProcAttr{
		Env: append(os.Environ(), watchedEnv+"="+addr), Files: []*os.File{term.tty, term.tty, os.Stderr},
		Sys: &syscall.SysProcAttr{Setpgid: true}, // a separate job
	})
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(patience, func() { _ = child.Kill() }).Stop()
	await := func() (status unix.WaitStatus) {
		if _, err := unix.Wait4(child.Pid, &status, unix.WUNTRACED, nil); err != nil {
			t.Fatal(err)
		}
		return status
	}
	term.shown.await(t, "connected")
	term.awaitScreen(t, "no executions")
	for range 2 {
		term.press("\x1a")
		if status := await(); !status.Stopped() || status.StopSignal() != unix.SIGTSTP {
			t.Fatalf("after Ctrl-Z the watch has the status %x", status)
		}
		if term.settings(t) != before {
			t.Error("the terminal is not as it was")
		}
		term.shown.await(t, "\x1b[?1049l")
		typed(t, addr, 100020, "buy 600100 100\n")
		if err := unix.Kill(-child.Pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		term.awaitScreen(t, "ALFA/600100.*TAPE")
	}
	term.press("q")
	if status := await(); !status.Exited() || status.ExitStatus() != 0 {
		t.Errorf("the watch ended with %x", status)
	}
	if term.settings(t) != before {
		t.Error("the terminal was not put back")
	}
}
