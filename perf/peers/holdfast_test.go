package peers_test

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startHoldfast builds holdfast and runs it until the test ends, with a tlv listener that
// sends greetings. The peer's addr is that of the listener.
func startHoldfast(t *testing.T) *peer {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "holdfast")
	build(t, "go", "build", "-C", filepath.Join("..", ".."), "-o", program, "./cmd/holdfast")

	printed, stdout := io.Pipe()
	p := &peer{ended: make(chan struct{})}
	p.cmd = exec.Command(program, "serve", "--throwaway", "--listener", "tlv=127.0.0.1:0,greet",
		"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	p.cmd.Env = []string{"TMPDIR=" + dir} // without holdfast's environment settings
	p.cmd.Stdout, p.cmd.Stderr = stdout, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
		stdout.Close()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	select {
	case p.addr = <-tlvAddr(printed):
	case <-time.After(patience):
	}
	if p.addr == "" {
		p.cmd.Process.Kill()
		<-p.ended
		t.Fatalf("the server does not listen: %s", &p.output)
	}
	return p
}

// tlvAddr sends the address of the tlv listener when the server prints it. It reads on to
// the end, so that the server can print.
func tlvAddr(printed io.Reader) <-chan string {
	addr := make(chan string, 1)
	go func() {
		defer close(addr)
		for lines := bufio.NewScanner(printed); lines.Scan(); {
			name, row, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
			if name != "listener" {
				continue
			}
			row, _ = strings.CutPrefix(strings.TrimSpace(row), "tlv=")
			row, _, _ = strings.Cut(row, ",")
			addr <- row
		}
	}()
	return addr
}
