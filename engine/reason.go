package engine

import "holdfast/codec/pb"

// Reason says why a session ended. The list is closed: each reason is counted, and sent
// to the peer in a Notice if the peer can still read it.
type Reason uint8

// Reasons.
const (
	ReasonNone Reason = iota
	ReasonPeerClosed
	ReasonPeerReset
	ReasonMalformed
	ReasonTooLarge
	ReasonTooManyConnections
	ReasonOverloaded
	ReasonSlowConsumer
	ReasonPanic
	ReasonShuttingDown
	ReasonUnavailable
	ReasonTooManyFromAddress
	ReasonFirstFrameTimeout
	ReasonFrameTimeout
	ReasonLoginTimeout
	ReasonIdle
	ReasonWriteStall
	ReasonMemory
	ReasonRevoked
	ReasonBadHandshake
	ReasonHandshakeTimeout
	ReasonPongTimeout
	// ReasonLoggedOut means that the session's protocol has ended it, with its Logout (FIX).
	ReasonLoggedOut
	// ReasonOnDemand means that an operator or a script has cut the connection, as a fault of
	// the network would.
	ReasonOnDemand
	reasonCount
)

// Reasons returns all reasons, so that counters can start at 0.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonCount-1)
	for r := ReasonNone + 1; r < reasonCount; r++ {
		all = append(all, r)
	}
	return all
}

type reasonText struct {
	name   string
	notice pb.NoticeCode // unspecified: no Notice
	text   string
}

func (r Reason) text() reasonText {
	switch r {
	case ReasonPeerClosed:
		return reasonText{name: "peer_closed"}
	case ReasonPeerReset:
		return reasonText{name: "peer_reset"}
	case ReasonMalformed:
		return reasonText{"malformed", pb.NoticeCode_NOTICE_CODE_MALFORMED, "malformed frame or message"}
	case ReasonTooLarge:
		return reasonText{"too_large", pb.NoticeCode_NOTICE_CODE_TOO_LARGE, "frame too long"}
	case ReasonTooManyConnections:
		return reasonText{"too_many_connections", pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS, "too many connections; try again later"}
	case ReasonOverloaded:
		return reasonText{"overloaded", pb.NoticeCode_NOTICE_CODE_OVERLOADED, "too many unanswered requests; send fewer at once"}
	case ReasonSlowConsumer:
		return reasonText{"slow_consumer", pb.NoticeCode_NOTICE_CODE_SLOW_CONSUMER, "replies and pushes were not read fast enough"}
	case ReasonPanic:
		return reasonText{"panic", pb.NoticeCode_NOTICE_CODE_INTERNAL, "internal error of the server; this session is closed"}
	case ReasonShuttingDown:
		return reasonText{"shutting_down", pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, "the server is stopping; connect again later"}
	case ReasonUnavailable:
		return reasonText{"unavailable", pb.NoticeCode_NOTICE_CODE_UNAVAILABLE, "the server can't make orders durable and is stopping"}
	case ReasonTooManyFromAddress:
		return reasonText{"too_many_from_address", pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS, "too many connections from your address"}
	case ReasonFirstFrameTimeout:
		return reasonText{"first_frame_timeout", pb.NoticeCode_NOTICE_CODE_TIMEOUT, "no complete frame arrived in time after the connection was opened"}
	case ReasonFrameTimeout:
		return reasonText{"frame_timeout", pb.NoticeCode_NOTICE_CODE_TIMEOUT, "a frame was started and not completed in time"}
	case ReasonLoginTimeout:
		return reasonText{"login_timeout", pb.NoticeCode_NOTICE_CODE_TIMEOUT, "no login in time"}
	case ReasonIdle:
		return reasonText{"idle", pb.NoticeCode_NOTICE_CODE_IDLE, "no complete frame for too long; send heartbeats"}
	case ReasonWriteStall:
		return reasonText{name: "write_stall"}
	case ReasonMemory:
		return reasonText{name: "memory"}
	case ReasonRevoked:
		return reasonText{"revoked", pb.NoticeCode_NOTICE_CODE_REVOKED, "the credential of this login was revoked; log in with the new one"}
	case ReasonBadHandshake: // answered by HTTP, or by an alert of TLS
		return reasonText{name: "bad_handshake"}
	case ReasonHandshakeTimeout:
		return reasonText{"handshake_timeout", pb.NoticeCode_NOTICE_CODE_TIMEOUT, "the handshake of TLS or WebSocket was not completed in time"}
	case ReasonPongTimeout:
		return reasonText{"pong_timeout", pb.NoticeCode_NOTICE_CODE_TIMEOUT, "a ping was not answered in time"}
	case ReasonLoggedOut:
		return reasonText{name: "logged_out"}
	case ReasonOnDemand:
		return reasonText{name: "on_demand"}
	default:
		return reasonText{name: "none"}
	}
}

// NoticeCode returns the code of the Notice that the peer gets; UNSPECIFIED if it gets none.
func (r Reason) NoticeCode() pb.NoticeCode { return r.text().notice }

// String returns the name that logs and counters show.
func (r Reason) String() string { return r.text().name }
