package engine

import (
	"slices"
	"testing"

	"github.com/panjf2000/gnet/v2/pkg/buffer/elastic"

	"holdfast/codec"
)

// strict is a link that records how much was due at the moment of each write.
type strict struct {
	*script
	due []int64
}

func (l *strict) Write(b []byte) error {
	l.due = append(l.due, l.session.due.Load())
	l.unsent += len(b)
	return l.script.Write(b)
}

// A large reply counts as due all the time: while it waits for an earlier one, while it is
// written and until the peer has taken it. Else the lane would execute more meanwhile.
func TestLargeReplyIsDueUntilItIsTaken(t *testing.T) {
	const size = 100 << 10
	for _, first := range []int{0, size} { // the reply that comes last
		p := newScript(t, Limits{})
		link := &strict{script: p}
		p.session.link = link
		reply := func(number uint32, sizeBytes int) {
			out := p.core.NewOutbox()
			out.Reply(Request{Session: p.session, number: number}, codec.ResultOK, codec.Raw(make([]byte, sizeBytes)))
			out.Post()
		}
		reply(1, size)
		if due := p.session.due.Load(); due < size {
			t.Errorf("%d bytes due while the reply waits", due)
		}
		reply(0, first)
		if len(link.due) != 1 || link.due[0] < int64(size+first) {
			t.Errorf("%d bytes due during the write", link.due)
		}
		if due := p.session.due.Load(); due != int64(p.unsent) {
			t.Errorf("%d bytes due after the write, %d unsent", due, p.unsent)
		}
		p.unsent = 0
		p.session.setUnsent(0)
		if due := p.session.due.Load(); due != 0 {
			t.Errorf("%d bytes due at the end", due)
		}
	}
}

// A lane with many sessions that do not read does not make the loop look at all of them for
// each session that has to wait.
func TestNewlyHeldSessionIsTheOnlyOneLookedAt(t *testing.T) {
	p := newScript(t, Limits{})
	l := &loop{core: p.core, lookStarted: true}
	p.session.holding = true
	l.keepLooking(p.session)
	p.unsent = 1000 // a look would see it
	other := &Session{core: p.core, link: p, group: p.session.group}
	other.due.Store(p.core.dueLimit + 1)
	l.runLooks([]*Session{other}, false)
	if p.session.unsent != 0 {
		t.Error("looked at another session")
	}
	if !other.holding || !slices.Contains(l.watched, other) {
		t.Error("the new session is not watched")
	}
}

// If gnet kept its unsent output elsewhere, that would not go unnoticed or end the process.
func TestUnsentOutputOfAnotherGnet(t *testing.T) {
	for _, conn := range []any{
		nil, 1, struct{}{}, &struct{}{}, (*struct{ outboundBuffer elastic.Buffer })(nil),
		&struct{ outboundBuffer []byte }{}, &struct{ outboundBuffer *elastic.Buffer }{},
	} {
		if outboundOf(conn) != nil {
			t.Errorf("%T has a buffer", conn)
		}
	}
	if outboundOf(&struct{ outboundBuffer elastic.Buffer }{}) == nil {
		t.Error("the buffer was not found")
	}
}
