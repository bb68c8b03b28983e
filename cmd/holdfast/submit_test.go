package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/cmd/holdfast/submit"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// badAcker is a server that answers Conn, and Submit with what ack makes of it.
func badAcker(t *testing.T, ack func(codec.Message) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				head := make([]byte, 4)
				for {
					if _, err := io.ReadFull(conn, head); err != nil {
						return
					}
					frame := make([]byte, int(head[2])<<8+int(head[3]))
					copy(frame, head)
					if _, err := io.ReadFull(conn, frame[4:]); err != nil {
						return
					}
					m, _, _ := codec.Decode(codec.Packet{}, frame, codec.DefaultMaxFrame)
					if m.Command == codec.CommandConn {
						conn.Write(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.ConnReply{}))
					} else {
						conn.Write(ack(m))
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

func TestSubmit(t *testing.T) {
	addr := testServer(t)
	code, stdout, stderr := run(t, "submit", "--addr", addr, "--connections", "2", "--count", "3", "--interval", "1ms", "--payload", "{number} over {connection}")
	if code != 0 || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	for connection := 1; connection <= 2; connection++ {
		for n := 1; n <= 3; n++ {
			for _, want := range []string{
				fmt.Sprintf("connection %d  -> %08d  %d over %d\n", connection, n, n, connection),
				fmt.Sprintf("connection %d  <- %08d  OK in ", connection, n),
			} {
				if strings.Count(stdout, want) != 1 {
					t.Errorf("%q is not there once", want)
				}
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if want := "2 connections, 6 of 6 Submits sent, 6 acknowledged, in "; len(lines) != 13 || !strings.HasPrefix(lines[12], want) {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestSubmitFindsBadAcknowledgements(t *testing.T) {
	cases := []struct {
		name   string
		ack    func(codec.Message) []byte
		stderr string
	}{
		{"15 bytes", func(m codec.Message) []byte {
			return append(codec.AppendHeader(nil, m.Command.Reply(), m.ID, 2), 0, 0)
		}, "1 bytes after the result of Submit"},
		{"13 bytes", func(m codec.Message) []byte { return codec.AppendHeader(nil, m.Command.Reply(), m.ID, 0) }, "without a result"},
		{"failed", func(m codec.Message) []byte {
			return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultFailed, nil)
		}, "1 Submit was not acknowledged: the server could not do this"},
		{"other command", func(m codec.Message) []byte {
			return codec.Packet{}.AppendReply(nil, codec.CommandHeartbeat, m.ID, codec.ResultOK, nil)
		}, "HeartbeatReply as the reply to Submit"},
		{"not by its id", func(m codec.Message) []byte {
			notice := codec.Packet{}.AppendReply(nil, codec.CommandSubmit, m.ID+1, codec.ResultOK, nil)
			return append(notice, 0, 0, 0, 1) // and then nonsense, so that nobody waits for long
		}, "not acknowledged"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "submit", "--addr", badAcker(t, tc.ack), "--connections", "1", "--count", "1")
			if code != 1 || !strings.Contains(stderr, tc.stderr) || !strings.Contains(stdout, "1 of 1 Submit sent, 0 acknowledged") {
				t.Errorf("code %d, stderr %q, stdout\n%s", code, stderr, stdout)
			}
		})
	}
}

func TestSubmitUsage(t *testing.T) {
	for _, args := range [][]string{{"--connections", "0"}, {"--count", "0"}, {"--interval", "-1s"}, {"extra"}} {
		if code, _, stderr := run(t, append([]string{"submit"}, args...)...); code != 2 || !strings.Contains(stderr, `see "holdfast submit --help"`) {
			t.Errorf("%v: code %d, stderr %q", args, code, stderr)
		}
	}
}

// TestSubmitWaitsForAPlace: connections that the server has no place for connect again
// later.
func TestSubmitWaitsForAPlace(t *testing.T) {
	t.Parallel()
	addr := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--max-connections", "2", "--log-level", "error").addr
	code, stdout, stderr := run(t, "submit", "--addr", addr, "--connections", "5", "--count", "2", "--interval", "10ms")
	if code != 0 || !strings.Contains(stdout, "5 connections, 10 of 10 Submits sent, 10 acknowledged") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}

// TestSubmitJSON: an object for each Submit and each reply, and the summary.
func TestSubmitJSON(t *testing.T) {
	addr := testServer(t)
	code, stdout, stderr := run(t, "submit", "--json", "--addr", addr, "--connections", "2", "--count", "3", "--interval", "1ms")
	events := make(map[string]int)
	var last submit.Summary
	for line := range strings.Lines(stdout) {
		var e submit.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if events[e.Event]++; e.Event == "acknowledged" && (e.Latency == nil || *e.Latency <= 0) {
			t.Errorf("no latency: %s", line)
		}
		last = submit.Summary{}
		_ = json.Unmarshal([]byte(line), &last)
	}
	if code != 0 || stderr != "" || events["sent"] != 6 || events["acknowledged"] != 6 || len(events) != 3 {
		t.Errorf("code %d, %v, %q", code, events, stderr)
	}
	last.Seconds = 0
	if want := (submit.Summary{Event: "summary", Connections: 2, Wanted: 6, Sent: 6, Acknowledged: 6}); last != want {
		t.Errorf("summary %+v", last)
	}
}

// TestSubmitInterrupted: Ctrl-C ends with what was sent until then.
func TestSubmitInterrupted(t *testing.T) {
	addr := testServer(t)
	for _, args := range [][]string{nil, {"--json"}} {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		stdout := newOutput()
		p := &main.Program{Args: append([]string{"submit", "--addr", addr, "--connections", "10", "--interval", "1h"}, args...), Stdout: stdout}
		ended := make(chan int, 1)
		go func() { ended <- p.Run(ctx) }()
		for strings.Count(stdout.String(), "OK in")+strings.Count(stdout.String(), "latency_us") < 10 {
			<-stdout.changed
		}
		cancel()
		code := <-ended
		lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
		last := lines[len(lines)-1]
		if code != 130 || !strings.HasPrefix(last, "10 connections, 10 of 100 Submits sent, 10 acknowledged") && !strings.HasPrefix(last, `{"event":"summary","connections":10,"wanted":100,"sent":10,"acknowledged":10,`) {
			t.Errorf("code %d, %q", code, last)
		}
		if args == nil && (!strings.Contains(stdout.String(), "  connection  1  -> ") || !strings.Contains(stdout.String(), "  connection 10  -> ")) {
			t.Errorf("not aligned:\n%s", stdout)
		}
	}
}
