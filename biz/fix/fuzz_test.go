package fix_test

import (
	"strings"
	"testing"

	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
)

// FuzzReceive: no messages of a peer can stop a Session or turn its number back, and what leaves is
// well formed. The input is one message in each line, a type and fields.
func FuzzReceive(f *testing.F) {
	const identity = " 49=TW44 52=20260105-09:00:00 56=ISLD"
	logon := "A 34=1" + identity + " 98=0 108=30 789=1\n"
	for _, s := range []string{
		"1 34=2 112=A", "2 34=2 7=1 16=0", "4 34=2 123=Y 36=9", "4 34=2 36=9", "5 34=2", "D 34=5 43=Y 122=20260105-09:00:00 11=A",
		"A 34=1 98=0 108=3 141=Y", "3 34=2 45=1", "D 34=2 11=A", "0 34=2 49=X", "0 34=9\n2 34=10 7=1 16=1", "garbled",
	} {
		f.Add(logon + strings.ReplaceAll(s+"\n", "\n", identity+"\n"))
	}
	f.Fuzz(func(t *testing.T, input string) {
		s := fix.New(&fix.Config{Ours: "ISLD", Theirs: "TW44", Chunk: 2, MaxAhead: 3, ResendPiece: 2})
		h := &echo{session: s, now: func() int64 { return start }}
		var in, out codecfix.Message
		h.write = func(message []byte, _ bool) {
			if err := out.Parse(message); err != nil {
				t.Fatalf("%v: %q", err, message)
			}
		}
		h.close = func(string) {}
		for line := range strings.Lines(input) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			next := s.NextIn
			if in.Parse(message(words[0], words[1:])) != nil {
				s.Garbled(start, h)
			} else {
				s.Receive(&in, start, h)
			}
			if s.NextIn < next && string(in.Type) != "A" {
				t.Fatalf("the number went from %d to %d", next, s.NextIn)
			}
			s.Resume(1, start, h)
		}
		s.Tick(s.Deadline(), h)
	})
}
