package link

import (
	"encoding/binary"
	"errors"
	"math"
)

// Kind says what an entry of a lane is.
type Kind uint8

// Kinds of entries. Those of a front are Open, Data, Close and Backlog; those of a venue Data, Closed,
// Credential and Refused.
const (
	// KindOpen opens a session; the body is an Open.
	KindOpen Kind = 1 + iota
	// KindData has bytes of a session, complete frames or not.
	KindData
	// KindClose ends a session whose client is gone.
	KindClose
	// KindBacklog says how many bytes the client has not read yet (4 bytes).
	KindBacklog
	// KindClosed ends a session that the venue has closed. What it had to say came before, as data.
	KindClosed
	// KindCredential comes before the reply to a login that succeeded, with the credential for
	// later admissions.
	KindCredential
	// KindRefused says that the credential of an admission is no longer good.
	KindRefused
)

// Entry is what one end tells the other about one session.
type Entry struct {
	Kind Kind
	// Session is the number that the front gave the session: in a lane each has another one.
	Session uint32
	Body    []byte
}

// A message is a header, then entries. Integers are big-endian.
//
//	lane      8 bytes  the number of the lane
//	number    8        of this message, 1 for the first of this direction; 0: the lane has ended
//	received  8        bytes of messages that the sender has received
//
//	kind 1, session 4, length 4, body    each entry
const (
	headerSize = 24
	entrySize  = 9
	// maxMessage is the longest message: NATS takes at most 1 MiB. Longer data are split.
	maxMessage = 512 << 10
)

var errMalformed = errors.New("link: malformed message")

type header struct{ lane, number, received uint64 }

func (h header) put(b []byte) {
	binary.BigEndian.PutUint64(b, h.lane)
	binary.BigEndian.PutUint64(b[8:], h.number)
	binary.BigEndian.PutUint64(b[16:], h.received)
}

// parseHeader returns the header and the entries of a message.
func parseHeader(b []byte) (h header, entries []byte, err error) {
	if len(b) < headerSize {
		return h, nil, errMalformed
	}
	h.lane = binary.BigEndian.Uint64(b)
	h.number = binary.BigEndian.Uint64(b[8:])
	h.received = binary.BigEndian.Uint64(b[16:])
	return h, b[headerSize:], nil
}

func appendEntry(dst []byte, e Entry) []byte {
	dst = append(dst, byte(e.Kind))
	dst = binary.BigEndian.AppendUint32(dst, e.Session)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Body)))
	return append(dst, e.Body...)
}

// nextEntry returns the first entry of b, and what follows. The body aliases b.
func nextEntry(b []byte) (e Entry, rest []byte, err error) {
	if len(b) < entrySize {
		return e, nil, errMalformed
	}
	e.Kind, e.Session = Kind(b[0]), binary.BigEndian.Uint32(b[1:])
	n := binary.BigEndian.Uint32(b[5:])
	if b = b[entrySize:]; uint64(n) > uint64(len(b)) {
		return e, nil, errMalformed
	}
	e.Body = b[:n:n]
	return e, b[n:], nil
}

// Backlog encodes the body of KindBacklog.
func Backlog(bytes int) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(min(max(bytes, 0), math.MaxUint32)))
}
