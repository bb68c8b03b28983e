package codec

import "encoding/binary"

// TLVHeaderLen is the length of a tlv frame without data, in bytes: data length
// (4), message id (4).
const TLVHeaderLen = 8

// TLV is the tlv dialect, which clients of the Zinx family speak in their old packing:
// data length (uint32, the data only), message id (uint32: the command), data. The data of a
// reply begin with the result, as the body of a packet reply does. Nothing names the
// request, so that replies keep the order of requests.
//
// The zero value is little-endian, as that packing is.
type TLV struct {
	BigEndian bool
}

var _ Dialect = TLV{}

// String implements Dialect.
func (TLV) String() string { return "tlv" }

// FrameLen implements Dialect.
func (t TLV) FrameLen(b []byte, most int) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := uint64(t.uint32(b))
	if n+TLVHeaderLen > uint64(max(most, TLVHeaderLen)) {
		return 0, ErrTooLarge
	}
	return int(n) + TLVHeaderLen, nil
}

// Next implements Dialect. The ID is the message id, since one above 255 is no
// command: such a message has command 0.
func (t TLV) Next(b []byte, m *Message) (used int, err error) {
	used = int(t.uint32(b)) + TLVHeaderLen
	id := t.uint32(b[4:])
	m.Command, m.ID, m.Body = 0, uint64(id), b[TLVHeaderLen:used:used]
	if id <= 0xFF {
		m.Command = Command(id)
	}
	return used, nil
}

// AppendReply implements Dialect: the reply's message id is that of the request with
// ReplyBit set.
func (t TLV) AppendReply(dst []byte, _ Command, id uint64, r Result, body Body) []byte {
	n := sizeOf(body)
	dst = t.appendUint32(dst, uint32(1+n))
	dst = t.appendUint32(dst, uint32(id)|uint32(ReplyBit))
	return appendSized(append(dst, byte(r)), body, n)
}

// AppendPush implements Dialect. There is no room for the push sequence.
func (t TLV) AppendPush(dst []byte, c Command, _ uint64, body Body) []byte {
	n := sizeOf(body)
	dst = t.appendUint32(dst, uint32(n))
	return appendSized(t.appendUint32(dst, uint32(c)), body, n)
}

// Shared implements Dialect.
func (TLV) Shared() bool { return true }

// Ordered implements Dialect.
func (TLV) Ordered() bool { return true }

func (t TLV) uint32(b []byte) uint32 {
	if t.BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (t TLV) appendUint32(dst []byte, v uint32) []byte {
	if t.BigEndian {
		return binary.BigEndian.AppendUint32(dst, v)
	}
	return binary.LittleEndian.AppendUint32(dst, v)
}
