package engine

import (
	"fmt"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// appendNotice appends the Notice push for a reason, if it has one.
func (l *Limits) appendNotice(dst []byte, d codec.Dialect, r Reason) []byte {
	text := r.text()
	if text.notice == pb.NoticeCode_NOTICE_CODE_UNSPECIFIED {
		return dst
	}
	message := text.text
	if limit, name := l.limitOf(r); name != "" {
		message = fmt.Sprintf("%s (limit %v: %s)", message, limit, name)
	}
	return d.AppendPush(dst, codec.PushNotice, 0, &pb.Notice{Code: text.notice, Text: message})
}

// limitOf returns the limit that a session closed for r has exceeded, and the name of its
// field in Limits, as settings write it; "" if there is not exactly one.
func (l *Limits) limitOf(r Reason) (limit any, name string) {
	switch r {
	case ReasonTooManyFromAddress:
		return l.ConnectionsPerAddress, "connections_per_address"
	case ReasonFirstFrameTimeout:
		return l.FirstFrameTime, "first_frame_time"
	case ReasonFrameTimeout:
		return l.FrameTime, "frame_time"
	case ReasonLoginTimeout:
		return l.LoginTime, "login_time"
	case ReasonIdle:
		return l.IdleTime, "idle_time"
	default:
		return nil, ""
	}
}
