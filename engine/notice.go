package engine

import (
	"fmt"
	"net/http"
	"strings"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// farewell returns the last output of a session that ends for a reason.
func (s *Session) farewell(r Reason) []byte {
	if s.ws != nil {
		return s.ws.farewell(s, r)
	}
	if s.wantsTLS {
		return s.plainFarewell(errTLSHandshake.Error())
	}
	return s.core.limits.appendNotice(nil, s.dialect, r)
}

// plainFarewell is farewell for a client that speaks TLS where the listener does not, or the
// other way round: text says so.
func (s *Session) plainFarewell(text string) []byte {
	if s.ws != nil {
		return websocket.AppendHTTPError(nil, http.StatusBadRequest, text)
	}
	return s.dialect.AppendPush(nil, codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_MALFORMED, Text: text})
}

// detail returns what log lines add to the reason for which the session ended.
func (s *Session) detail() string {
	switch {
	case s.tls != nil && s.tls.broken != nil:
		return strings.TrimPrefix(s.tls.broken.Error(), "tls: ")
	case s.wantsTLS:
		return errTLSHandshake.Error()
	default:
		return s.ws.detail()
	}
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
