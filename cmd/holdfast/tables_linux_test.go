package main_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	main "holdfast/cmd/holdfast"
)

// TestTablesFitTheTerminal: on a narrow terminal, what has no space in the line of its row is below it.
func TestTablesFitTheTerminal(t *testing.T) {
	addr := testServer(t)
	keys, tty := pseudoTerminal(t)
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40}); err != nil {
		t.Fatal(err)
	}
	shown := newOutput()
	var work sync.WaitGroup
	work.Go(func() { _, _ = io.Copy(shown, keys) })
	p := &main.Program{Args: []string{"account", "show", "--addr", addr, "100001"}, Stdin: tty, Stdout: tty, Stderr: io.Discard, Environ: []string{"NO_COLOR=1"}}
	code := p.Run(t.Context())
	tty.Close()
	work.Wait()
	for line := range strings.Lines(shown.String()) {
		if len(strings.TrimSpace(line)) > 40 {
			t.Errorf("%q is too long", line)
		}
	}
	if code != 0 || !strings.Contains(shown.String(), "realised 0.00") {
		t.Errorf("code %d, %q", code, shown)
	}
}
