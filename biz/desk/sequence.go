package desk

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"holdfast/biz/ledger"
)

// A client whose protocol numbers every message (FIX) can ask for old messages again, by their
// numbers. Those for events of the account are not stored: they are made again from the events, and
// the journal has only by how much the number of a message and that of its event differ. This
// difference changes when a message of another kind takes a number.

// SequenceKey names a sequence of messages to a client.
type SequenceKey struct {
	Customer ledger.Customer
	Name     string // unique for the customer; at most MaxSequenceName bytes
}

// Limits of a sequence. What is older is forgotten.
const (
	MaxSequenceName    = 128
	maxSequenceOffsets = 4096
	maxSequenceKept    = 256      // messages
	MaxSequenceBytes   = 64 << 10 // of one message, and of all
)

// Offset says that the message for event n of the account, from event From on, has the number
// n + By.
type Offset struct {
	From uint64
	By   int64
}

// NumberedMessage is a message that is not for an event.
type NumberedMessage struct {
	Number uint64
	Time   int64 // when it was first sent, in nanoseconds since the Unix epoch
	Bytes  []byte
}

// SequenceMark is a change of a sequence. It becomes durable with the events of its turn.
type SequenceMark struct {
	SequenceKey
	// Reset means that the numbers start again at 1.
	Reset bool
	// In is the next number that is expected from the client.
	In uint64
	// Out is above all numbers that may have been used for messages without an event.
	Out uint64
	// Offset is new from an event on; From 0: it is not.
	Offset Offset
	// Message is to be kept; Number 0: none is.
	Message NumberedMessage
}

// Sequence is the state of a sequence.
type Sequence struct {
	In, Out  uint64
	Offsets  []Offset          // ascending
	Messages []NumberedMessage // ascending
}

// Apply applies a mark. To apply marks again, from any of them on, changes nothing.
func (s *Sequence) Apply(m *SequenceMark) {
	if m.Reset {
		*s = Sequence{}
	}
	s.In, s.Out = m.In, m.Out
	if n := len(s.Offsets); m.Offset.From > 0 {
		for n > 0 && s.Offsets[n-1].From >= m.Offset.From {
			n--
		}
		s.Offsets = append(s.Offsets[:n], m.Offset)
		if len(s.Offsets) > maxSequenceOffsets {
			s.Offsets = slices.Clone(s.Offsets[len(s.Offsets)/2:])
		}
	}
	if n := len(s.Messages); m.Message.Number > 0 {
		for n > 0 && s.Messages[n-1].Number >= m.Message.Number {
			n--
		}
		s.Messages = append(s.Messages[:n], m.Message)
		s.forget()
	}
}

// forget forgets the oldest messages if there are too many.
func (s *Sequence) forget() {
	bytes := 0
	for n := len(s.Messages) - 1; n >= 0; n-- {
		if bytes += len(s.Messages[n].Bytes); bytes > MaxSequenceBytes || len(s.Messages)-n > maxSequenceKept {
			s.Messages = slices.Delete(s.Messages, 0, n+1)
			return
		}
	}
}

func (s *Sequence) clone() Sequence {
	return Sequence{In: s.In, Out: s.Out, Offsets: slices.Clone(s.Offsets), Messages: slices.Clone(s.Messages)}
}

// sequences are those of all customers.
type sequences map[SequenceKey]*Sequence

func (s sequences) apply(m *SequenceMark) {
	of := s[m.SequenceKey]
	if of == nil {
		of = new(Sequence)
		s[m.SequenceKey] = of
	}
	of.Apply(m)
}

// clone returns a copy that later marks do not change.
func (s sequences) clone() sequences {
	c := make(sequences, len(s))
	for key, of := range s {
		copied := of.clone()
		c[key] = &copied
	}
	return c
}

// Mark adds a mark to what the turn has caused. It does not retain m.Message.Bytes.
func (t *Turn) Mark(m *SequenceMark) {
	t.records = m.append(append(t.records, recordSequence))
	t.ends = append(t.ends, len(t.records))
	mark := *m
	mark.Message.Bytes = slices.Clone(m.Message.Bytes)
	t.marks = append(t.marks, mark)
}

// Sequences returns all sequences. They may not be durable yet.
func (d *Desk) Sequences() map[SequenceKey]*Sequence {
	if d.group == nil {
		return d.sequences.clone()
	}
	d.group.committer.Begin()
	defer d.group.committer.End()
	return d.group.sequences.clone()
}

// append appends a mark.
//
//	uvarint  customer
//	uvarint  length of the name; the name
//	1 byte   1 if it is a reset
//	uvarint  In, Out, Offset.From
//	varint   Offset.By
//	uvarint  Message.Number
//	varint   Message.Time
//	uvarint  length of the message; the message
func (m *SequenceMark) append(dst []byte) []byte {
	dst = m.SequenceKey.append(dst)
	reset := byte(0)
	if m.Reset {
		reset = 1
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(append(dst, reset), m.In), m.Out)
	return m.Message.append(m.Offset.append(dst))
}

func (k *SequenceKey) append(dst []byte) []byte {
	dst = appendUint(appendUint(dst, k.Customer), len(k.Name))
	return append(dst, k.Name...)
}

func (o Offset) append(dst []byte) []byte {
	return binary.AppendVarint(binary.AppendUvarint(dst, o.From), o.By)
}

func (m NumberedMessage) append(dst []byte) []byte {
	dst = binary.AppendVarint(binary.AppendUvarint(dst, m.Number), m.Time)
	return append(appendUint(dst, len(m.Bytes)), m.Bytes...)
}

func (f *fields) sequenceMark() *SequenceMark {
	m := &SequenceMark{SequenceKey: f.sequenceKey()}
	switch f.bytes(1)[0] {
	case 0:
	case 1:
		m.Reset = true
	default:
		f.fail()
	}
	m.In, m.Out = f.upTo(math.MaxUint64), f.upTo(math.MaxUint64)
	m.Offset = f.offset()
	m.Message = f.numberedMessage()
	return m
}

func (f *fields) sequenceKey() SequenceKey {
	return SequenceKey{Customer: ledger.Customer(f.upTo(math.MaxUint32)), Name: string(f.bytes(int(f.upTo(MaxSequenceName))))}
}

func (f *fields) offset() Offset { return Offset{From: f.upTo(math.MaxUint64), By: f.varint()} }

func (f *fields) numberedMessage() NumberedMessage {
	m := NumberedMessage{Number: f.upTo(math.MaxUint64), Time: f.varint()}
	m.Bytes = slices.Clone(f.bytes(int(f.upTo(MaxSequenceBytes))))
	return m
}

func (k SequenceKey) compare(other SequenceKey) int {
	return cmp.Or(cmp.Compare(k.Customer, other.Customer), cmp.Compare(k.Name, other.Name))
}

// append appends all sequences, in the order of their keys.
//
//	uvarint  number of sequences; each:
//	         key as in a mark, uvarint In and Out
//	         uvarint number of offsets and those; uvarint number of messages and those
func (s sequences) append(dst []byte) []byte {
	dst = appendUint(dst, len(s))
	keys := slices.SortedFunc(maps.Keys(s), SequenceKey.compare)
	for i := range keys {
		of := s[keys[i]]
		dst = keys[i].append(dst)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, of.In), of.Out)
		dst = appendUint(dst, len(of.Offsets))
		for _, o := range of.Offsets {
			dst = o.append(dst)
		}
		dst = appendUint(dst, len(of.Messages))
		for _, m := range of.Messages {
			dst = m.append(dst)
		}
	}
	return dst
}

func (f *fields) sequences() sequences {
	s := make(sequences)
	for range f.upTo(math.MaxInt32) {
		key := f.sequenceKey()
		of := &Sequence{In: f.upTo(math.MaxUint64), Out: f.upTo(math.MaxUint64)}
		for range f.upTo(maxSequenceOffsets) {
			of.Offsets = append(of.Offsets, f.offset())
		}
		for range f.upTo(maxSequenceKept) {
			of.Messages = append(of.Messages, f.numberedMessage())
		}
		if f.bad {
			break
		}
		s[key] = of
	}
	return s
}
