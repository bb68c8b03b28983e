package websocket

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// CloseCode says why a connection is closed (RFC 6455 section 7.4.1 and the IANA registry).
type CloseCode uint16

// Close codes.
const (
	CloseNormal          CloseCode = 1000
	CloseGoingAway       CloseCode = 1001
	CloseProtocolError   CloseCode = 1002
	CloseUnsupportedData CloseCode = 1003
	// CloseNoStatus means that a Close frame has no code. It is never on the wire.
	CloseNoStatus        CloseCode = 1005
	CloseInvalidData     CloseCode = 1007
	ClosePolicyViolation CloseCode = 1008
	CloseMessageTooBig   CloseCode = 1009
	CloseInternalError   CloseCode = 1011
	CloseServiceRestart  CloseCode = 1012
	CloseTryAgainLater   CloseCode = 1013
)

// CloseError says why a connection can't go on: the code for the Close frame and a short
// text that may be sent with it.
type CloseError struct {
	Code CloseCode
	Text string
}

// Error implements error.
func (e *CloseError) Error() string { return fmt.Sprintf("websocket: %s (%d)", e.Text, e.Code) }

// protocolError returns the error of a peer that breaks RFC 6455.
func protocolError(text string) error { return &CloseError{CloseProtocolError, text} }

// errNotUTF8 is the error of a text message with a byte that can't be there.
var errNotUTF8 error = &CloseError{CloseInvalidData, "the text is not UTF-8"}

// ParseClose returns the code and the text of a Close frame's payload that a Reader has
// passed, and CloseNoStatus if it is empty.
func ParseClose(payload []byte) (CloseCode, string) {
	if len(payload) < 2 {
		return CloseNoStatus, ""
	}
	return CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
}

// checkClose checks the payload of a Close frame.
func checkClose(payload []byte) error {
	switch {
	case len(payload) == 0:
		return nil
	case len(payload) == 1:
		return protocolError("half a close code")
	case !onWire(CloseCode(binary.BigEndian.Uint16(payload))):
		return protocolError("this close code is not allowed")
	case !utf8.Valid(payload[2:]):
		return &CloseError{CloseInvalidData, "the close text is not UTF-8"}
	}
	return nil
}

// onWire reports whether a peer may send c: what RFC 6455 and IANA define, and the ranges of
// libraries (3000) and applications (4000).
func onWire(c CloseCode) bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014, c >= 3000 && c <= 4999:
		return true
	}
	return false
}
