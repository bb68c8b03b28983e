package fixecho

import (
	"slices"

	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// most is how many messages can be resent, and how many ClOrdIDs are remembered.
const most = 10_000

// peer is one identity. It implements fix.Host. Owner: who holds Acceptor.mu.
type peer struct {
	acceptor *Acceptor
	id       string
	session  *fix.Session
	conn     *engine.Session // nil: away
	out      *engine.Outbox  // while the session does something

	seen map[string]struct{} // ClOrdIDs
	sent []echo
}

// echo is a message that was sent.
type echo struct {
	number  uint64
	time    int64
	msgType string
	body    []codecfix.Field
}

func (e *echo) append(w *codecfix.Writer) {
	for _, f := range e.body {
		w.Bytes(f.Tag, f.Value)
	}
}

// Logon implements fix.Host.
func (p *peer) Logon(*codecfix.Message) (text string, ok bool) { return "", true }

// Reset implements fix.Host.
func (p *peer) Reset() { p.seen, p.sent = make(map[string]struct{}), nil }

// Execute implements fix.Host.
func (p *peer) Execute(m *codecfix.Message) {
	now := p.acceptor.now()
	if t := string(m.Type); t != codecfix.NewOrderSingle && t != codecfix.SecurityDefinition {
		p.refuse(m, now)
		return
	}
	e := echo{p.session.NextOut, now, string(m.Type), p.bodyOf(m)}
	id, _ := m.Get(codecfix.ClOrdID)
	if again, _ := m.Get(codecfix.PossResend); string(again) == "Y" {
		if _, seen := p.seen[string(id)]; seen {
			return
		}
		e.body = slices.Insert(e.body, 0, codecfix.Field{Tag: codecfix.PossResend, Value: []byte("Y")})
	}
	if len(id) > 0 && len(p.seen) < most {
		p.seen[string(id)] = struct{}{}
	}
	p.keep(e)
	w := p.session.Start(nil, e.msgType, now)
	e.append(&w)
	p.session.Send(w.End(), now, p)
}

// refuse answers a message of another type.
func (p *peer) refuse(m *codecfix.Message, now int64) {
	const text = "Unsupported Message Type"
	number, _ := m.Get(codecfix.MsgSeqNum)
	p.keep(echo{p.session.NextOut, now, "j", []codecfix.Field{
		{Tag: 45, Value: slices.Clone(number)}, {Tag: codecfix.Text, Value: []byte(text)},
		{Tag: 372, Value: slices.Clone(m.Type)}, {Tag: 380, Value: []byte("3")},
	}})
	p.session.BusinessReject(m, 3, text, now, p)
}

// keep keeps a message for Resend.
func (p *peer) keep(e echo) {
	if p.sent = append(p.sent, e); len(p.sent) > most {
		p.sent = slices.Clone(p.sent[most/2:])
	}
}

// Resend implements fix.Host.
func (p *peer) Resend(from, to uint64, each func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool) {
	for i := range p.sent {
		e := &p.sent[i]
		if e.number >= from && e.number <= to && !each(e.number, e.time, e.msgType, e.append) {
			return
		}
	}
}

// bodyOf returns a copy of the body, ascending by tag; a group stays with the field of its count.
func (p *peer) bodyOf(m *codecfix.Message) (body []codecfix.Field) {
	parts := p.acceptor.dictionary.Body(m)
	slices.SortStableFunc(parts, func(a, b []codecfix.Field) int { return a[0].Tag - b[0].Tag })
	for _, f := range slices.Concat(parts...) {
		body = append(body, codecfix.Field{Tag: f.Tag, Value: slices.Clone(f.Value)})
	}
	return body
}
