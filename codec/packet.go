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

// Message is a decoded frame. Body aliases the bytes it was decoded from.
type Message struct {
	Command Command
	// ID is the request number of a request or reply: 8 bytes that the client
	// chose, here as a big-endian integer. In a push it is the push sequence, or
	// 0 for a push that is outside the sequence.
	ID   uint64
	Body []byte
}

// Packet is the packet dialect: total (uint32, the whole frame), command
// (1 byte), id (8 bytes), body; big-endian. Scan and FrameLen are those of its
// LengthField.
type Packet struct {
	LengthField
}

// NewPacket returns the dialect with its largest frame in bytes; 0 means
// DefaultMaxFrame, and less than a header is raised to a header.
func NewPacket(maxFrame int) Packet {
	if maxFrame == 0 {
		maxFrame = DefaultMaxFrame
	}
	return Packet{LengthField{
		size: 4, adjustment: -4, min: PacketHeaderLen, max: max(maxFrame, PacketHeaderLen),
	}}
}

// Decode returns the first message of b and how many bytes it took; used is 0
// when the frame is not complete. Errors are those of FrameLen.
func (p Packet) Decode(b []byte) (m Message, used int, err error) {
	n, err := p.FrameLen(b)
	if err != nil || n == 0 || n > len(b) {
		return Message{}, 0, err
	}
	m, used = DecodeScanned(b)
	return m, used, nil
}

// DecodeScanned is Decode without its checks, for bytes that Scan has found to
// begin with a whole frame.
func DecodeScanned(b []byte) (m Message, used int) {
	used = int(binary.BigEndian.Uint32(b))
	return Message{
		Command: Command(b[4]),
		ID:      binary.BigEndian.Uint64(b[5:]),
		Body:    b[PacketHeaderLen:used:used],
	}, used
}

// AppendMessage appends m as one frame. The caller keeps within the maximum
// frame of the peer.
func AppendMessage(dst []byte, m Message) []byte {
	dst = AppendHeader(dst, m.Command, m.ID, len(m.Body))
	return append(dst, m.Body...)
}

// AppendHeader appends the header of a frame whose body of bodyLen bytes the
// caller appends next.
func AppendHeader(dst []byte, c Command, id uint64, bodyLen int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(PacketHeaderLen+bodyLen))
	dst = append(dst, byte(c))
	return binary.BigEndian.AppendUint64(dst, id)
}

// AppendResult appends a whole reply frame to request m that consists of just
// its result.
func AppendResult(dst []byte, m Message, r Result) []byte {
	dst = AppendHeader(dst, m.Command.Reply(), m.ID, 1)
	return append(dst, byte(r))
}
