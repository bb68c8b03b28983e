package fix

import codecfix "holdfast/codec/fix"

// Tags of the session level.
const (
	tagFirstSeqNo      = 7
	tagLastSeqNo       = 16
	tagNewSeqNo        = 36
	tagRefSeqNum       = 45
	tagText            = 58
	tagEncryptMethod   = 98
	tagHeartBtInt      = 108
	tagTestReqID       = 112
	tagOnBehalfOf      = 115
	tagGapFlag         = 123
	tagResetSeqNumFlag = 141
	tagLastProcessed   = 369
	tagRefTagID        = 371
	tagRefMsgType      = 372
	tagRejectReason    = 373
	tagBusinessReason  = 380
	tagNextExpected    = 789
)

// The types of messages that belong to the session. All others are the host's.
const (
	typeHeartbeat     = "0"
	typeTestRequest   = "1"
	typeResendRequest = "2"
	typeReject        = "3"
	typeSequenceReset = "4"
	typeLogout        = "5"
	typeLogon         = "A"
	typeBusiness      = "j"
)

// routes are the tags of a message's route and where its answer has them, ascending.
var routes = [...]struct{ answer, of int }{
	{115, 128}, {116, 129}, {128, 115}, {129, 116}, {144, 145}, {145, 144},
}

// MaxSeqNum is the highest sequence number, the largest with 18 digits.
const MaxSeqNum = 999_999_999_999_999_999

// seqNum returns a field with a number up to MaxSeqNum.
func seqNum(m *codecfix.Message, tag int) (n uint64, ok bool) {
	b, _ := m.Get(tag)
	return parseSeqNum(b)
}

func parseSeqNum(b []byte) (n uint64, ok bool) {
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n, true
}

// is reports whether a field has a value.
func is(m *codecfix.Message, tag int, value string) bool {
	b, _ := m.Get(tag)
	return string(b) == value
}

// differs reports whether a field is there, not empty and not the value.
func differs(m *codecfix.Message, tag int, value string) bool {
	b, _ := m.Get(tag)
	return len(b) > 0 && string(b) != value
}
