package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// LengthField describes frames that carry their length at a fixed place.
//
// A frame is Offset bytes, then a length field of Size bytes, then as many
// bytes as the field's value plus Adjustment says. A protocol whose length
// counts the whole frame has Adjustment = -(Offset + Size); one whose length
// counts only what follows has 0.
//
// The zero value is not usable; NewLengthField checks the settings.
type LengthField struct {
	offset, size, adjustment, strip int
	min, max                        int
	little                          bool
}

// LengthFieldConfig holds the settings of a LengthField, all in bytes.
type LengthFieldConfig struct {
	// Offset is how many bytes come before the length field.
	Offset int
	// Size of the length field: 1, 2, 3, 4 or 8.
	Size int
	// Adjustment is added to the field's value to get the number of bytes that
	// follow the field.
	Adjustment int
	// Strip is how many bytes Split takes off the front of each frame.
	Strip int
	// Order of the field's bytes; nil means big-endian.
	Order binary.ByteOrder
	// Min is the smallest whole frame, header included; below Offset + Size it
	// means that.
	Min int
	// Max is the largest whole frame, header included.
	Max int
}

// NewLengthField checks c. The error wraps ErrConfig and says which setting is
// wrong.
func NewLengthField(c LengthFieldConfig) (LengthField, error) {
	header := c.Offset + c.Size
	switch {
	case c.Offset < 0:
		return LengthField{}, fmt.Errorf("%w: offset %d is negative", ErrConfig, c.Offset)
	case c.Size != 1 && c.Size != 2 && c.Size != 3 && c.Size != 4 && c.Size != 8:
		return LengthField{}, fmt.Errorf("%w: size %d is not 1, 2, 3, 4 or 8", ErrConfig, c.Size)
	case c.Max < max(header, c.Min):
		return LengthField{}, fmt.Errorf("%w: maximum %d is below the minimum %d", ErrConfig, c.Max, max(header, c.Min))
	case c.Strip < 0 || c.Strip > header:
		return LengthField{}, fmt.Errorf("%w: strip %d is not within the header of %d", ErrConfig, c.Strip, header)
	case c.Order != nil && c.Order != binary.ByteOrder(binary.BigEndian) && c.Order != binary.ByteOrder(binary.LittleEndian):
		return LengthField{}, fmt.Errorf("%w: byte order %v is neither big-endian nor little-endian", ErrConfig, c.Order)
	}
	return LengthField{
		offset: c.Offset, size: c.Size, adjustment: c.Adjustment, strip: c.Strip,
		min: max(header, c.Min), max: c.Max,
		little: c.Order == binary.ByteOrder(binary.LittleEndian),
	}, nil
}

// FrameLen returns the length of the frame that b begins with. It is 0 as long
// as the length field is not wholly there, and may be more than len(b). A
// declared length outside the limits returns ErrTooShort or ErrTooLarge at once,
// before any of the frame's content has arrived.
func (l LengthField) FrameLen(b []byte) (int, error) { return l.length(b) }

// length is FrameLen for callers that must not pay for copying l.
func (l *LengthField) length(b []byte) (int, error) {
	header := l.offset + l.size
	if len(b) < header {
		return 0, nil
	}
	value := l.value(b[l.offset:header])
	if value > math.MaxInt64/2 {
		return 0, ErrTooLarge
	}
	n := int64(value) + int64(header+l.adjustment)
	switch {
	case n < int64(l.min):
		return 0, ErrTooShort
	case n > int64(l.max):
		return 0, ErrTooLarge
	}
	return int(n), nil
}

// Split returns the first frame of b without its stripped bytes, and how many
// bytes of b it took. used is 0 when the frame is not complete.
func (l LengthField) Split(b []byte) (frame []byte, used int, err error) {
	n, err := l.length(b)
	if err != nil || n == 0 || n > len(b) {
		return nil, 0, err
	}
	return b[l.strip:n:n], n, nil
}

// Scan returns where the last complete frame of b ends and how many frames end
// up to there. After a bad length field it also returns the error; the frames before
// end are good.
func (l LengthField) Scan(b []byte) (end, frames int, err error) {
	for end < len(b) {
		n, err := l.length(b[end:])
		if err != nil {
			return end, frames, err
		}
		if n == 0 || n > len(b)-end {
			break
		}
		end += n
		frames++
	}
	return end, frames, nil
}

// AppendFrame appends one frame: prefix (exactly the bytes before the length
// field), the length field, content. Errors are ErrConfig for a prefix of
// another length, ErrTooLarge and ErrLength; dst is then returned unchanged.
func (l LengthField) AppendFrame(dst, prefix, content []byte) ([]byte, error) {
	if len(prefix) != l.offset {
		return dst, fmt.Errorf("%w: prefix of %d bytes, offset is %d", ErrConfig, len(prefix), l.offset)
	}
	value := int64(len(content)) - int64(l.adjustment)
	switch {
	case l.offset+l.size+len(content) > l.max:
		return dst, ErrTooLarge
	case value < 0 || l.size < 8 && value >= 1<<(8*l.size):
		return dst, ErrLength
	}
	dst = append(dst, prefix...)
	dst = l.appendValue(dst, uint64(value))
	return append(dst, content...), nil
}

func (l *LengthField) value(b []byte) uint64 {
	if l.size == 4 && !l.little {
		return uint64(binary.BigEndian.Uint32(b))
	}
	var v uint64
	for i := range b {
		if l.little {
			v |= uint64(b[i]) << (8 * i)
		} else {
			v = v<<8 | uint64(b[i])
		}
	}
	return v
}

func (l LengthField) appendValue(dst []byte, v uint64) []byte {
	for i := range l.size {
		shift := 8 * i
		if !l.little {
			shift = 8 * (l.size - 1 - i)
		}
		dst = append(dst, byte(v>>shift))
	}
	return dst
}
