package fix

import (
	"cmp"
	"slices"

	codecfix "holdfast/codec/fix"
)

// waiting is a message after a gap.
type waiting struct {
	seq     uint64
	message *codecfix.Message // nil: it is handled already, its number alone waits
	bytes   int
}

// fieldBytes is the memory of a Field without its value.
const fieldBytes = 32

// wait stores a message until its number has come. A handled one only waits to be counted.
func (s *Session) wait(m *codecfix.Message, seq uint64, handled bool) {
	s.highest = max(s.highest, seq)
	at, found := slices.BinarySearchFunc(s.ahead, seq, func(w waiting, seq uint64) int { return cmp.Compare(w.seq, seq) })
	if found {
		return
	}
	w := waiting{seq: seq, bytes: fieldBytes}
	if !handled {
		for i := range m.Fields {
			w.bytes += fieldBytes + len(m.Fields[i].Value)
		}
	}
	if len(s.ahead) >= orDefault(s.config.MaxAhead, DefaultMaxAhead) || s.bytes+w.bytes > orDefault(s.config.MaxAheadBytes, DefaultMaxAheadBytes) {
		return
	}
	if !handled {
		w.message = m.Clone()
	}
	s.bytes += w.bytes
	s.ahead = slices.Insert(s.ahead, at, w)
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// advance handles the waiting messages whose numbers have come, and asks for what is missing.
func (s *Session) advance(now int64, h Host) {
	for s.state == online && len(s.ahead) > 0 && s.ahead[0].seq <= s.NextIn {
		w := s.ahead[0]
		s.ahead[0] = waiting{}
		s.ahead = s.ahead[1:]
		s.bytes -= w.bytes
		switch {
		case w.seq < s.NextIn:
		case w.message == nil:
			s.NextIn++
		default:
			s.accept(w.message, now, h)
		}
	}
	if len(s.ahead) == 0 {
		s.ahead = nil
	}
	switch {
	case s.state != online:
	case s.NextIn > s.highest:
		s.asked, s.asks = 0, 0
	case s.NextIn > s.asked:
		s.asks = 0
		s.ask(now, h)
	}
}

// Missed means that the host has dropped messages up to a number. They are asked for.
func (s *Session) Missed(seq uint64, now int64, h Host) {
	if s.state == online {
		s.heard, s.tested = now, false
		s.highest = max(s.highest, seq)
		s.advance(now, h)
	}
}

// ask asks for the missing messages, once for each gap (2b).
func (s *Session) ask(now int64, h Host) {
	end := uint64(0)
	s.asked = s.highest
	if s.config.Chunk > 0 {
		end = min(s.highest, s.NextIn+s.config.Chunk-1)
		s.asked = end
	}
	s.askedAt = now
	s.asks++
	w := s.Start(nil, typeResendRequest, now)
	w.Int(tagFirstSeqNo, int64(s.NextIn))
	w.Int(tagLastSeqNo, int64(end))
	s.leaves(w.End(), now, h)
}
