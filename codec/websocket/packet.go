package websocket

import (
	"encoding/binary"

	"holdfast/codec"
)

// Names of the subprotocols, as clients offer them.
const (
	SubprotocolPacket = "holdfast.v1.packet"
	SubprotocolJSON   = "holdfast.v1.json"
)

// Packet is the packet dialect in binary messages: command (1 byte), id (8 bytes,
// big-endian), body. The WebSocket frame has the length, so total is missing.
//
// FrameLen and Next read what the engine makes of a message: the message after its total
// (uint32, big-endian, itself included), which is a frame of codec.Packet. The others append
// WebSocket frames of a server.
type Packet struct{ codec.Packet }

var _ codec.Dialect = Packet{}

// totalLen is the length of total, in bytes.
const totalLen = 4

// String implements codec.Dialect.
func (Packet) String() string { return "websocket-packet" }

// AppendReply implements codec.Dialect.
func (Packet) AppendReply(dst []byte, c codec.Command, id uint64, r codec.Result, body codec.Body) []byte {
	n := sizeOf(body)
	dst = appendPacket(dst, c.Reply(), id, 1+n)
	return appendBody(append(dst, byte(r)), body, n)
}

// AppendPush implements codec.Dialect.
func (Packet) AppendPush(dst []byte, c codec.Command, id uint64, body codec.Body) []byte {
	n := sizeOf(body)
	return appendBody(appendPacket(dst, c, id, n), body, n)
}

// appendPacket appends all of a message up to its body of n bytes.
func appendPacket(dst []byte, c codec.Command, id uint64, n int) []byte {
	dst = AppendHeader(dst, OpBinary, codec.PacketHeaderLen-totalLen+n)
	return binary.BigEndian.AppendUint64(append(dst, byte(c)), id)
}

// sizeOf returns the length of a body, which may be nil.
func sizeOf(body codec.Body) int {
	if body == nil {
		return 0
	}
	return body.SizeVT()
}

// appendBody appends a body of n bytes.
func appendBody(dst []byte, body codec.Body, n int) []byte {
	if n == 0 {
		return dst
	}
	start := len(dst)
	dst = append(dst, make([]byte, n)...)
	if _, err := body.MarshalToSizedBufferVT(dst[start:]); err != nil {
		// Only a body that changes between the two calls can fail.
		panic("websocket: body changed while it was encoded: " + err.Error())
	}
	return dst
}
