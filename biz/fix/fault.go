package fix

import (
	"bytes"
	"slices"

	codecfix "holdfast/codec/fix"
)

// Faults is misbehaviour on demand, for the tests of a client. Each field counts messages that are
// still to be spoiled, and the Session counts down. Delay goes with any other, else the first in
// this order is applied to a message.
type Faults struct {
	// Drop: not written. The number is used.
	Drop int
	// Delay: written with the mark delayed.
	Delay int
	// Skip: the number after the message is left out.
	Skip int
	// CheckSum: the CheckSum is wrong.
	CheckSum int
	// BodyLength: the BodyLength is wrong by one, the CheckSum right.
	BodyLength int
	// PossDup: written with PossDupFlag and OrigSendingTime, though for the first time.
	PossDup int
	// Repeat: written twice, the second time with PossDupFlag and OrigSendingTime.
	Repeat int
	// Swap: written after the next message.
	Swap int
	// Cut: half of it is written, then the connection is closed.
	Cut int
	// Reject: the next application message of the peer is answered with a Reject, not executed.
	Reject int

	swapped []byte // waits for the next message
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

func (f *Faults) reject() bool { return f != nil && take(&f.Reject) }

// faulty writes a message, spoiled.
func (s *Session) faulty(message []byte, h Host) {
	f := s.Faults
	delayed := take(&f.Delay)
	switch {
	case take(&f.Drop):
		return
	case take(&f.Skip):
		s.NextOut++
	case take(&f.CheckSum):
		message = slices.Clone(message)
		digit := &message[len(message)-2]
		*digit = '0' + (*digit-'0'+1)%10
	case take(&f.BodyLength):
		message = wrongLength(message)
	case take(&f.PossDup):
		message = dup(message)
	case take(&f.Repeat):
		h.Write(message, delayed)
		message = dup(message)
	case f.swapped == nil && take(&f.Swap):
		f.swapped = slices.Clone(message)
		return
	case take(&f.Cut):
		h.Write(message[:len(message)/2], delayed)
		s.disconnect("cut on demand", h)
		return
	}
	h.Write(message, delayed)
	if f.swapped != nil {
		h.Write(f.swapped, delayed)
		f.swapped = nil
	}
}

// wrongLength returns a copy of a message with another BodyLength and the CheckSum of that.
func wrongLength(message []byte) []byte {
	message = slices.Clone(message)
	digit := &message[bytes.Index(message, []byte("\x0135="))-1]
	*digit ^= 1 // 8 and 9 differ by one bit, as all such pairs
	sum := 0
	trailer := len(message) - len("10=nnn\x01")
	for _, c := range message[:trailer] {
		sum += int(c)
	}
	sum %= 256
	copy(message[trailer+len("10="):], []byte{byte('0' + sum/100), byte('0' + sum/10%10), byte('0' + sum%10)})
	return message
}

// dup returns a message with PossDupFlag and OrigSendingTime.
func dup(message []byte) []byte {
	var m codecfix.Message
	if m.Parse(message) != nil || is(&m, codecfix.PossDupFlag, "Y") {
		return message
	}
	sent, _ := m.Get(codecfix.SendingTime)
	w := codecfix.Begin(nil, string(m.Type))
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		if f.Tag == codecfix.SenderCompID {
			w.Char(codecfix.PossDupFlag, 'Y')
		}
		w.Bytes(f.Tag, f.Value)
		if f.Tag == codecfix.TargetCompID {
			w.Bytes(codecfix.OrigSendingTime, sent)
		}
	}
	return w.End()
}
