package peers_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/perf/peers"
)

// The commands that a load sends.
const submit, heartbeat = 2, 3

func appendFrame(dst []byte, command byte, id uint64, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(peers.HeaderLen+len(body)))
	dst = binary.BigEndian.AppendUint64(append(dst, command), id)
	return append(dst, body...)
}

// patience bounds waits that could hang.
const patience = 20 * time.Second

func TestPeers(t *testing.T) {
	dependOnSources(t)
	dir := t.TempDir()
	build(t, "go", "build", "-o", dir+string(filepath.Separator), "./netpoll", "./nbio", "./zinx")
	for _, name := range []string{"netpoll", "nbio", "zinx", "epoll"} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(dir, name)
			if name == "epoll" {
				needs(t, "gcc", "gcc libc6-dev")
				build(t, "gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, "epoll/epoll.c")
			}
			p := start(t, program)
			t.Run("replies", func(t *testing.T) { testReplies(t, p.addr) })
			t.Run("many connections", func(t *testing.T) { testManyConnections(t, p.addr) })
			t.Run("slow reader", func(t *testing.T) { testSlowReader(t, p.addr) })
			t.Run("impossible length", func(t *testing.T) { testImpossibleLength(t, p.addr, name) })
			if name != "epoll" {
				t.Run("allocations", func(t *testing.T) { testAllocations(t, p) })
			}
			t.Run("stop", func(t *testing.T) { testStop(t, p) })
		})
	}
}

func testReplies(t *testing.T, addr string) {
	cases := []struct {
		name            string
		requests, piece int // count; bytes of each write
		body            func(i int) int
	}{
		{"one", 1, 1 << 20, func(int) int { return 64 }},
		{"pipelined", 500, 1 << 20, func(i int) int { return i % 100 }},
		{"in pieces", 300, 7, func(i int) int { return i % 100 }},
		{"byte by byte", 30, 1, func(i int) int { return i }},
		{"more than a read", 3000, 1 << 20, func(int) int { return 64 }},
		{"largest frame", 3, 1 << 20, func(int) int { return peers.MaxFrame - peers.HeaderLen }},
		{"largest between small ones", 9, 10_000, func(i int) int { return (i % 3) * 500_000 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var all, want []byte
			for i := range c.requests {
				command := submit + byte(i%2) // and heartbeat
				id := uint64(i)<<32 | uint64(c.requests)
				all = appendFrame(all, command, id, bytes.Repeat([]byte{'x'}, c.body(i)))
				want = appendFrame(want, command|0x80, id, []byte{0})
			}
			if err := exchange(dial(t, addr), all, want, c.piece); err != nil {
				t.Error(err)
			}
		})
	}
}

// exchange sends all in pieces and expects to read want. It reads while it sends: a
// server may stop reading while its replies wait.
func exchange(conn net.Conn, all, want []byte, piece int) error {
	sent := make(chan error, 1)
	go func() {
		var err error
		for len(all) > 0 && err == nil {
			n := min(piece, len(all))
			_, err = conn.Write(all[:n])
			all = all[n:]
		}
		sent <- err
	}()
	got := make([]byte, len(want))
	_, err := io.ReadFull(conn, got)
	if err != nil {
		conn.Close() // ends the sender
	} else if !bytes.Equal(got, want) {
		err = fmt.Errorf("got %.200x, want %.200x", got, want)
	}
	return errors.Join(err, <-sent)
}

func testManyConnections(t *testing.T, addr string) {
	const connections, requests, rounds = 200, 20, 5
	var conns []net.Conn
	for range connections {
		conns = append(conns, dial(t, addr))
	}
	var all sync.WaitGroup
	for i, conn := range conns {
		all.Go(func() {
			var send, want []byte
			for n := range requests {
				id := uint64(i)<<32 | uint64(n)
				send = appendFrame(send, submit, id, []byte("body"))
				want = appendFrame(want, submit|0x80, id, []byte{0})
			}
			for range rounds {
				if err := exchange(conn, send, want, 1<<20); err != nil {
					t.Errorf("connection %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
}

// testSlowReader reads nothing until the server stops reading, or everything is sent.
func testSlowReader(t *testing.T, addr string) {
	conn := dialWith(t, net.Dialer{Control: smallBuffer}, addr)
	var send, want []byte
	for id := range uint64(400_000) { // more than the buffers of two sockets hold
		send = appendFrame(send, heartbeat, id, nil)
		want = appendFrame(want, heartbeat|0x80, id, []byte{0})
	}
	conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	n, err := conn.Write(send)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	conn.SetWriteDeadline(time.Now().Add(patience))
	if err := exchange(conn, send[n:], want, 1<<20); err != nil {
		t.Error(err)
	}
}

// smallBuffer keeps the kernel from storing megabytes for a socket that does not
// read.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	var refused error
	err := c.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 256<<10)
	})
	return errors.Join(err, refused)
}

func testImpossibleLength(t *testing.T, addr, name string) {
	cases := []struct {
		name   string
		header []byte
	}{
		{"zero", []byte{0, 0, 0, 0}},
		{"below a header", []byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0, 0, 1}},
		{"above the maximum", []byte{0x7f, 0, 0, 0}},
	}
	for _, c := range cases {
		if name == "zinx" && c.name == "above the maximum" {
			continue // it drops such a frame and goes on
		}
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, addr)
			if _, err := conn.Write(c.header); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read %d bytes, error %v, want a closed connection", n, err)
			}
		})
	}
}

func testAllocations(t *testing.T, p *peer) {
	before := mallocs(t, p.stats)
	testManyConnections(t, p.addr)
	if after := mallocs(t, p.stats); before == 0 || after <= before {
		t.Errorf("%d allocations, then %d, want more each time", before, after)
	}
}

func mallocs(t *testing.T, addr string) uint64 {
	t.Helper()
	response, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	number, found := strings.CutPrefix(strings.TrimSpace(string(text)), "go_memstats_mallocs_total ")
	n, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil {
		t.Fatalf("got %q, error %v", text, err)
	}
	return n
}

func testStop(t *testing.T, p *peer) {
	conn := dial(t, p.addr) // in use, so that the server has seen it
	request, want := appendFrame(nil, heartbeat, 1, nil), appendFrame(nil, heartbeat|0x80, 1, []byte{0})
	if err := exchange(conn, request, want, len(request)); err != nil {
		t.Fatal(err)
	}
	stop(t, p)
}

// stop ends a program with SIGTERM, which must succeed.
func stop(t *testing.T, p *peer) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if <-p.ended; !p.cmd.ProcessState.Success() {
		t.Errorf("it ended with %v: %s", p.cmd.ProcessState, &p.output)
	}
}

// peer is a running program.
type peer struct {
	addr, stats string
	cmd         *exec.Cmd
	output      bytes.Buffer
	ended       chan struct{} // closed when the process is gone
}

// start runs a program until the test ends and waits until it listens.
func start(t *testing.T, program string, flags ...string) *peer {
	t.Helper()
	p := &peer{addr: freeAddr(t), stats: freeAddr(t), ended: make(chan struct{})}
	args := []string{"--listen", p.addr}
	if filepath.Base(program) != "epoll" {
		args = append(args, "--stats", p.stats)
	}
	p.cmd = exec.Command(program, append(args, flags...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
	})
	for {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			conn.Close()
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended: %s", program, &p.output)
		case <-t.Context().Done():
			t.Fatal(err)
		default:
		}
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	return dialWith(t, net.Dialer{}, addr)
}

func dialWith(t *testing.T, dialer net.Dialer, addr string) net.Conn {
	t.Helper()
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// dependOnSources opens the sources of the programs: go test drops a cached result when a
// file that the test opened changes.
func dependOnSources(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("*/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources: ", err)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
}

func build(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// needs skips the test where a program is missing; in .ci/run that is a failure.
func needs(t *testing.T, program, packages string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("HOLDFAST_CI") != "" {
		t.Fatalf("needs %s: apt-get install %s", program, packages)
	}
	t.Skipf("skip: needs %s: apt-get install %s", program, packages)
}
