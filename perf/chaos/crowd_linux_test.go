package chaos_test

import (
	"io"
	"net"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/chaos"
)

// TestCrowd: the crowd joins frames that arrive in pieces, and reports how the connection
// ended.
func TestCrowd(t *testing.T) {
	cases := []struct {
		name   string
		serve  func(net.Conn)
		want   chaos.CrowdReport
		resets bool
	}{
		{"answers in pieces", func(c net.Conn) {
			reply := codec.Packet{}.AppendReply(nil, codec.CommandConn, 1, codec.ResultOK, nil)
			_, _ = c.Write(append(reply, reply...))
		}, chaos.CrowdReport{Answers: 2, Received: 28}, false},
		{"notice", func(c net.Conn) {
			_, _ = c.Write(codec.AppendRequest(nil, codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_TIMEOUT}))
		}, chaos.CrowdReport{Notice: pb.NoticeCode_NOTICE_CODE_TIMEOUT, Received: 15}, false},
		{"reset", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, chaos.CrowdReport{}, true},
		{"no frame", func(c net.Conn) { _, _ = c.Write([]byte{0, 0, 0, 3, 9}) }, chaos.CrowdReport{Received: 5}, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.ReadFull(c, make([]byte, codec.PacketHeaderLen)) // unread input would turn the close into a reset
				tc.serve(c)
				_ = c.Close()
			}()
			got, err := chaos.JoinCrowd(l.Addr().String(), codec.AppendMessage(nil, codec.Message{Command: codec.CommandConn, ID: 1}), time.Minute)
			if (err != nil) != tc.resets {
				t.Errorf("ended with %v", err)
			}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
