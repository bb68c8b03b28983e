package engine

import (
	"holdfast/codec"
	"holdfast/codec/pb"
)

// appendNotice appends the Notice push for a reason that the peer is told.
func appendNotice(dst []byte, d codec.Dialect, r Reason) []byte {
	text := r.text()
	if text.notice == pb.NoticeCode_NOTICE_CODE_UNSPECIFIED {
		return dst
	}
	return d.AppendPush(dst, codec.PushNotice, 0, &pb.Notice{Code: text.notice, Text: text.text})
}
