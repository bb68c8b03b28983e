package codec

import "encoding/binary"

// Sizes of the packet dialect, in bytes.
const (
	// PacketHeaderLen is the length of a frame without a body: total (4),
	// command (1), id (8).
	PacketHeaderLen = 13
	// DefaultMaxFrame is the largest frame where nothing else is set.
	DefaultMaxFrame = 1 << 20
)

// Packet is the packet dialect: total (uint32, the whole frame), command
// (1 byte), id (8 bytes), body; big-endian. Replies are matched by their id.
type Packet struct{}

var _ Dialect = Packet{}

// String implements Dialect.
func (Packet) String() string { return "packet" }

// FrameLen implements Dialect.
func (Packet) FrameLen(b []byte, most int) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b)
	switch {
	case n < PacketHeaderLen:
		return 0, ErrTooShort
	case uint64(n) > uint64(max(most, PacketHeaderLen)):
		return 0, ErrTooLarge
	}
	return int(n), nil
}

// Next implements Dialect.
func (Packet) Next(b []byte, m *Message) (used int, err error) {
	used = int(binary.BigEndian.Uint32(b))
	m.Command = Command(b[4])
	m.ID = binary.BigEndian.Uint64(b[5:])
	m.Body = b[PacketHeaderLen:used:used]
	return used, nil
}

// AppendReply implements Dialect: the reply has the request's id, and its body
// begins with the result.
func (Packet) AppendReply(dst []byte, c Command, id uint64, r Result, body Body) []byte {
	n := sizeOf(body)
	dst = AppendHeader(dst, c.Reply(), id, 1+n)
	return appendSized(append(dst, byte(r)), body, n)
}

// AppendPush implements Dialect.
func (Packet) AppendPush(dst []byte, c Command, id uint64, body Body) []byte {
	n := sizeOf(body)
	return appendSized(AppendHeader(dst, c, id, n), body, n)
}

// Shared implements Dialect.
func (Packet) Shared() bool { return true }

// Ordered implements Dialect.
func (Packet) Ordered() bool { return false }

// AppendRequest appends what a client of the packet dialect asks. A nil body is an
// empty one. The caller keeps within the maximum frame of the server.
func AppendRequest(dst []byte, c Command, id uint64, body Body) []byte {
	return Packet{}.AppendPush(dst, c, id, body)
}

// AppendMessage appends m as one frame of the packet dialect. The caller keeps
// within the maximum frame of the peer.
func AppendMessage(dst []byte, m Message) []byte {
	return append(AppendHeader(dst, m.Command, m.ID, len(m.Body)), m.Body...)
}

// AppendHeader appends the header of a packet frame whose body of bodyLen bytes the
// caller appends next.
func AppendHeader(dst []byte, c Command, id uint64, bodyLen int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(PacketHeaderLen+bodyLen))
	dst = append(dst, byte(c))
	return binary.BigEndian.AppendUint64(dst, id)
}
