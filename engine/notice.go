package engine

import (
	"fmt"
	"strings"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// farewell returns the last output of a session that ends for a reason.
func (s *Session) farewell(r Reason) []byte {
	if s.ws != nil {
		return s.ws.farewell(s, r)
	}
	return s.core.limits.appendNotice(nil, s.dialect, r)
}

// appendNotice appends the Notice push for a reason, if it has one.
func (l *Limits) appendNotice(dst []byte, d codec.Dialect, r Reason) []byte {
	notice := l.notice(r)
	if notice == nil {
		return dst
	}
	return d.AppendPush(dst, codec.PushNotice, 0, notice)
}

// notice returns the Notice for a reason, nil if it has none.
func (l *Limits) notice(r Reason) *pb.Notice {
	text := r.text()
	if text.notice == pb.NoticeCode_NOTICE_CODE_UNSPECIFIED {
		return nil
	}
	message := text.text
	if limit, setting := l.limitOf(r); setting != "" {
		flag := strings.ReplaceAll(strings.TrimPrefix(setting, "limits."), "_", "-")
		message = fmt.Sprintf("%s (limit %v: setting %s, flag --%s)", message, limit, setting, flag)
	}
	return &pb.Notice{Code: text.notice, Text: message}
}

// limitOf returns the limit that a session closed for r has exceeded, and the setting of
// "holdfast serve" that it comes from; "" if there is not exactly one.
func (l *Limits) limitOf(r Reason) (limit any, setting string) {
	switch r {
	case ReasonTooManyFromAddress:
		return l.ConnectionsPerAddress, "limits.connections_per_address"
	case ReasonFirstFrameTimeout:
		return l.FirstFrameTime, "limits.first_frame_time"
	case ReasonHandshakeTimeout:
		return l.HandshakeTime, "limits.handshake_time"
	case ReasonPongTimeout:
		return l.PongTime, "limits.pong_time"
	case ReasonFrameTimeout:
		return l.FrameTime, "limits.frame_time"
	case ReasonLoginTimeout:
		return l.LoginTime, "require_login"
	case ReasonIdle:
		return l.IdleTime, "limits.idle_time"
	default:
		return nil, ""
	}
}
