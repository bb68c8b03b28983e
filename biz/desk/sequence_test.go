package desk_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// marks are marks of two sequences of alice and one of bob, as a client's messages cause them.
func marks() []desk.SequenceMark {
	main, second := desk.SequenceKey{Customer: alice, Name: "100001"}, desk.SequenceKey{Customer: alice, Name: "100001/b"}
	other := desk.SequenceKey{Customer: bob, Name: "BOB"}
	return []desk.SequenceMark{
		{SequenceKey: main, In: 1, Out: 257},
		{SequenceKey: main, In: 3, Out: 257, Offset: desk.Offset{From: 1, By: 1}},
		{SequenceKey: second, In: 2, Out: 256},
		{SequenceKey: main, In: 4, Out: 257, Message: desk.NumberedMessage{Number: 3, Time: 1_767_348_000_123_456_789, Bytes: []byte("8refused")}},
		{SequenceKey: other, In: 9, Out: 1000, Offset: desk.Offset{From: 3, By: -2}},
		{SequenceKey: main, In: 5, Out: 257, Offset: desk.Offset{From: 2, By: 2}},
		{SequenceKey: second, Reset: true, In: 2, Out: 2},
		{SequenceKey: main, In: 5, Out: 5},
	}
}

// mark makes one turn for each mark, from one on.
func (d *opened) mark(from, to int) {
	d.t.Helper()
	for _, m := range marks()[from:to] {
		must(d.t, d.Account(m.Customer).Do(d.turn, func(t *desk.Turn) { t.Mark(&m) }))
	}
	must(d.t, d.Durable(d.t.Context()))
}

func sameSequences(t *testing.T, got, want map[desk.SequenceKey]*desk.Sequence) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		for key := range want {
			t.Errorf("%v: %+v, want %+v", key, got[key], want[key])
		}
		t.Fatalf("%d sequences, want %d", len(got), len(want))
	}
}

// TestSequencesAfterARestart: after a stop and after a kill the sequences are as they were, whether
// they come from the journal, from a checkpoint, or from both.
func TestSequencesAfterARestart(t *testing.T) {
	want := make(map[desk.SequenceKey]*desk.Sequence)
	for _, m := range marks() {
		if want[m.SequenceKey] == nil {
			want[m.SequenceKey] = new(desk.Sequence)
		}
		want[m.SequenceKey].Apply(&m)
	}
	all := len(marks())
	for _, way := range ways {
		for saved := range all + 1 { // how many marks are in a checkpoint
			t.Run(fmt.Sprintf("%s, %d", way.name, saved), func(t *testing.T) {
				d := open(t, setup{})
				d.mark(0, saved)
				if saved > 0 {
					must(t, d.SaveCheckpoint(t.Context()))
				}
				d.mark(saved, all)
				sameSequences(t, d.Sequences(), want)
				again := open(t, way.do(d))
				sameSequences(t, again.Sequences(), want)
			})
		}
	}
}

// TestMarksAgain: to apply the last marks again changes nothing, since a checkpoint may have some of
// those after its batch.
func TestMarksAgain(t *testing.T) {
	list := marks()
	for from := range list {
		once, twice := make(map[desk.SequenceKey]*desk.Sequence), make(map[desk.SequenceKey]*desk.Sequence)
		for _, m := range list {
			for _, s := range []map[desk.SequenceKey]*desk.Sequence{once, twice} {
				if s[m.SequenceKey] == nil {
					s[m.SequenceKey] = new(desk.Sequence)
				}
				s[m.SequenceKey].Apply(&m)
			}
		}
		for _, m := range list[from:] {
			twice[m.SequenceKey].Apply(&m)
		}
		sameSequences(t, twice, once)
	}
}

// TestSequenceLimits: what is oldest is forgotten.
func TestSequenceLimits(t *testing.T) {
	var s desk.Sequence
	for n := range uint64(10_000) {
		s.Apply(&desk.SequenceMark{In: n, Offset: desk.Offset{From: n + 1, By: int64(n)}, Message: desk.NumberedMessage{Number: n + 1, Bytes: bytes.Repeat([]byte("x"), 200)}})
	}
	if n := len(s.Offsets); n > 4096 || s.Offsets[n-1].From != 10_000 {
		t.Errorf("%d offsets", n)
	}
	if n := len(s.Messages); n != 256 || s.Messages[n-1].Number != 10_000 {
		t.Errorf("%d messages", n)
	}
	for n := range uint64(3) {
		s.Apply(&desk.SequenceMark{Message: desk.NumberedMessage{Number: 10_001 + n, Bytes: make([]byte, 30_000)}})
	}
	if n := len(s.Messages); n != 2 || s.Messages[1].Number != 10_003 {
		t.Errorf("%d large messages", n)
	}
}

// TestSequenceRecord: a mark is in the journal as it was, together with the events of its turn.
func TestSequenceRecord(t *testing.T) {
	for _, m := range marks() {
		e, err := desk.DecodeEntry(desk.AppendEntry(nil, &desk.Entry{Sequence: &m}))
		if err != nil || e.Sequence == nil || fmt.Sprint(*e.Sequence) != fmt.Sprint(m) {
			t.Errorf("%+v became %+v, %v", m, e.Sequence, err)
		}
	}
	d := open(t, setup{})
	m := marks()[1]
	must(t, d.Account(alice).Do(d.turn, func(turn *desk.Turn) {
		if _, err := turn.Place(new(marketOrder(ledger.Buy, 0, 10, 1))); err != nil {
			t.Error(err)
		}
		turn.Mark(&m)
	}))
	must(t, d.Durable(t.Context()))
	if got := d.Sequences(); len(got) != 1 || got[m.SequenceKey].In != m.In {
		t.Errorf("%v", maps.Keys(got))
	}
}
