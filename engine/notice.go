package engine

import (
	"fmt"
	"strings"

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
	if limit, setting := l.limitOf(r); setting != "" {
		flag := strings.ReplaceAll(strings.TrimPrefix(setting, "limits."), "_", "-")
		message = fmt.Sprintf("%s (limit %v: setting %s, flag --%s)", message, limit, setting, flag)
	}
	return d.AppendPush(dst, codec.PushNotice, 0, &pb.Notice{Code: text.notice, Text: message})
}

// limitOf returns the limit that a session closed for r has exceeded, and the setting of
// "holdfast serve" that it comes from; "" if there is not exactly one.
func (l *Limits) limitOf(r Reason) (limit any, setting string) {
	switch r {
	case ReasonTooManyFromAddress:
		return l.ConnectionsPerAddress, "limits.connections_per_address"
	case ReasonFirstFrameTimeout:
		return l.FirstFrameTime, "limits.first_frame_time"
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
