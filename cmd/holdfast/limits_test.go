package main_test

import (
	"fmt"
	"io"
	"math"
	"net"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	main "holdfast/cmd/holdfast"
	"holdfast/cmd/holdfast/config"
	"holdfast/engine"
)

// TestLimitsOfSettings: every limit of the engine that has a setting gets it.
func TestLimitsOfSettings(t *testing.T) {
	c := config.Default()
	c.MaxConnections, c.Heartbeat = 1, 2
	c.Limits = config.Limits{
		MaxFrameBytes: 3, LoginFrameBytes: 4, ConnectionsPerAddress: 5, InFlightRequests: 6, InFlightBytes: 7,
		OutboundSoftBytes: 8, OutboundSoftTime: 9, OutboundHardBytes: 10, OutboundTotalBytes: 11,
		FirstFrameTime: 12, FrameTime: 13, IdleTime: 14, WriteStallTime: 15,
	}
	plan := engine.MemoryPlan{LaneBytes: 16, OutboundTotalBytes: 17}
	want := engine.Limits{
		MaxConnections: 1, Heartbeat: 2,
		MaxFrameBytes: 3, LoginFrameBytes: 4, ConnectionsPerAddress: 5, InFlightRequests: 6, InFlightBytes: 7,
		OutboundSoftBytes: 8, OutboundSoftTime: 9, OutboundHardBytes: 10, OutboundTotalBytes: 11,
		FirstFrameTime: 12, FrameTime: 13, IdleTime: 14, WriteStallTime: 15,
		LaneBytes: 16,
	}
	if got := main.LimitsOf(c, plan); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.RequireLogin, c.Limits.ConnectionsPerAddress, c.Limits.OutboundTotalBytes = true, 0, 0
	want.LoginTime, want.ConnectionsPerAddress, want.OutboundTotalBytes = 10*time.Second, -1, 17
	if got := main.LimitsOf(c, plan); got != want {
		t.Errorf("with login, no limit for addresses, and a planned total:\ngot  %+v\nwant %+v", got, want)
	}
}

// TestDefaultsAgree: a setting that nobody has set is what the engine would take by
// itself.
func TestDefaultsAgree(t *testing.T) {
	byItself, err := engine.NewCore(engine.Config{Router: engine.NewRouter(nil)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := engine.NewCore(engine.Config{
		Router: engine.NewRouter(nil), Limits: main.LimitsOf(config.Default(), engine.PlanMemory(debug.SetMemoryLimit(-1), 1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, core := range []*engine.Core{byItself, set} {
		if err := core.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := set.Limits(), byItself.Limits(); got != want {
		t.Errorf("settings %+v\nengine   %+v", got, want)
	}
}

// TestServeWithAMemoryLimit: the limit is announced, divided, and told to the Go
// runtime as long as the server runs.
func TestServeWithAMemoryLimit(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(),
		"--log-level", "error", "--memory-limit", fmt.Sprint(256<<20))
	if want := "256 MiB (memory_limit), of which unsent output at most 32 MiB"; !strings.Contains(s.out.String(), want) {
		t.Errorf("%q is missing from the first lines:\n%s", want, s.out)
	}
	if got, want := debug.SetMemoryLimit(-1), int64(math.Floor(256<<20*0.9)); got != want {
		t.Errorf("the runtime's limit is %d, want %d", got, want)
	}
	if metrics := get(t, "http://"+s.admin+"/metrics"); !strings.Contains(metrics, "holdfast_memory_limit_bytes 2.68435456e+08\n") {
		t.Error("the limit is missing from the metrics")
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("stopped with %d: %s", code, s.errs)
	}
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the runtime's limit is %d after the end, was %d", got, before)
	}
}

// TestAdminConnections: the admin port takes 16 connections at once and leaves the
// rest of the descriptors to clients; the next one has its turn when one goes.
func TestAdminConnections(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	ask := func() net.Conn {
		conn, err := net.Dial("tcp", s.admin)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) error {
		if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	var conns []net.Conn
	for range 16 {
		conns = append(conns, ask())
		if err := answered(conns[len(conns)-1], 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	next := ask()
	if err := answered(next, 300*time.Millisecond); err == nil {
		t.Error("a connection beyond the limit was answered")
	}
	conns[3].Close()
	if err := answered(next, 10*time.Second); err != nil {
		t.Errorf("not answered when there was room: %v", err)
	}
	for _, conn := range append(conns, next) {
		conn.Close()
	}
}

func TestOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "0.0.0.0": false, "::": false, "192.0.2.1": false,
	} {
		if got := main.OnLoopback(&net.TCPAddr{IP: net.ParseIP(address)}); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if main.OnLoopback(&net.UnixAddr{}) {
		t.Error("what is no TCP address")
	}
}
