package main_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

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
	if want := "2 connections, 6 of 6 submits sent, 6 acknowledged, in "; len(lines) != 13 || !strings.HasPrefix(lines[12], want) {
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
		}, "1 submits were not acknowledged: the server could not do this"},
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
			if code != 1 || !strings.Contains(stderr, tc.stderr) || !strings.Contains(stdout, "1 of 1 submits sent, 0 acknowledged") {
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
	if code != 0 || !strings.Contains(stdout, "5 connections, 10 of 10 submits sent, 10 acknowledged") {
		t.Errorf("code %d, %s\n%s", code, stderr, stdout)
	}
}
