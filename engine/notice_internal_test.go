package engine

import (
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestNoticesNameTheLimit: a Notice about a limit has its value and its name, others have
// neither.
func TestNoticesNameTheLimit(t *testing.T) {
	limits := Limits{
		ConnectionsPerAddress: 7, FirstFrameTime: 1 * time.Second, FrameTime: 2 * time.Second,
		LoginTime: 3 * time.Second, IdleTime: 4 * time.Second, HandshakeTime: 5 * time.Second, PongTime: 6 * time.Second,
	}
	named := map[Reason]string{
		ReasonTooManyFromAddress: "too many connections from your address (limit 7: setting limits.connections_per_address, flag --connections-per-address)",
		ReasonFirstFrameTimeout:  "no complete frame arrived in time after the connection was opened (limit 1s: setting limits.first_frame_time, flag --first-frame-time)",
		ReasonFrameTimeout:       "a frame was started and not completed in time (limit 2s: setting limits.frame_time, flag --frame-time)",
		ReasonHandshakeTimeout:   "the handshake of TLS or WebSocket was not completed in time (limit 5s: setting limits.handshake_time, flag --handshake-time)",
		ReasonPongTimeout:        "a ping was not answered in time (limit 6s: setting limits.pong_time, flag --pong-time)",
		ReasonLoginTimeout:       "no login in time (limit 3s: setting require_login, flag --require-login)",
		ReasonIdle:               "no complete frame for too long; send heartbeats (limit 4s: setting limits.idle_time, flag --idle-time)",
	}
	for _, r := range Reasons() {
		frame := limits.appendNotice(nil, codec.Packet{}, r)
		if len(frame) == 0 {
			if named[r] != "" {
				t.Errorf("%v: no Notice", r)
			}
			continue
		}
		message, _, err := codec.Decode(codec.Packet{}, frame, len(frame))
		var notice pb.Notice
		if err != nil || notice.UnmarshalVT(message.Body) != nil {
			t.Fatalf("%v: %v", r, err)
		}
		want := named[r]
		if want == "" {
			want = r.text().text
		}
		if notice.Text != want || notice.Code != r.text().notice {
			t.Errorf("%v: %v %q, want %q", r, notice.Code, notice.Text, want)
		}
	}
}
