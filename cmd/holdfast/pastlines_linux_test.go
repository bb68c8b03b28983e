package main_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	main "holdfast/cmd/holdfast"
)

// atTerminal runs a command at a terminal, types these lines at its prompt, and returns what a
// user saw.
func atTerminal(t *testing.T, state, prompt, lines string, args ...string) string {
	t.Helper()
	keys, tty := pseudoTerminal(t)
	shown := newOutput()
	var work sync.WaitGroup
	work.Go(func() { _, _ = io.Copy(shown, keys) })
	p := &main.Program{Args: args, Stdin: tty, Stdout: tty, Environ: []string{"XDG_STATE_HOME=" + state, "NO_COLOR=1"}}
	ended := make(chan int, 1)
	go func() { ended <- p.Run(t.Context()) }()
	for !strings.Contains(shown.String(), prompt) {
		<-shown.changed
	}
	if _, err := keys.WriteString(lines); err != nil {
		t.Error(err)
	}
	if code := <-ended; code != 0 {
		t.Errorf("%q: code %d", args, code)
	}
	tty.Close()
	work.Wait()
	return shown.String()
}

// TestTypedLinesAreStored: client and chat store the typed lines for the next run, but no password,
// and nothing with --no-history. Where they can't, they say so in one line and go on.
func TestTypedLinesAreStored(t *testing.T) {
	addr, state := testServer(t), filepath.Join(t.TempDir(), "state")
	client := []string{"client", "--addr", addr, "--password", "holdfast-demo"}
	atTerminal(t, state, ">>> ", "orders\r chat quiet\rchat my password is holdfast-demo\rnonsense\rquit\r", client...)
	atTerminal(t, state, ">>> ", "holding\rquit\r", append(client, "--no-history")...)
	atTerminal(t, state, "> ", "good morning\r/quit\r", "chat", "--addr", echoes(t))
	for name, want := range map[string]string{"client-commands": "orders\nquit\n", "chat-lines": "good morning\n/quit\n"} {
		if got := string(read(t, filepath.Join(state, "holdfast", name))); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	shown := atTerminal(t, blocked, ">>> ", "quit\r", client...)
	if strings.Count(shown, "commands are not kept for the next time: ") != 1 {
		t.Errorf("shown %q", shown)
	}
}
