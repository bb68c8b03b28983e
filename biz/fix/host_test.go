package fix_test

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
)

// echo is a host whose application sends orders (D) and security definitions (d) back. A D with
// PossResend is executed once for each ClOrdID.
type echo struct {
	session *fix.Session
	now     func() int64
	write   func(message []byte, delayed bool)
	close   func(why string)
	refuse  string

	executed []uint64
	orders   map[string]bool
	stored   []stored // by number
}

type stored struct {
	seq     uint64
	sent    int64
	msgType string
	body    []codecfix.Field
}

func (h *echo) Write(message []byte, delayed bool)             { h.write(message, delayed) }
func (h *echo) Disconnect(why string)                          { h.close(why) }
func (h *echo) Logon(*codecfix.Message) (text string, ok bool) { return h.refuse, h.refuse == "" }
func (h *echo) Reset()                                         { h.stored, h.orders = nil, nil }

func (h *echo) Execute(m *codecfix.Message) {
	h.executed = append(h.executed, seqOf(m))
	msgType := string(m.Type)
	if msgType != "D" && msgType != "d" {
		h.session.BusinessReject(m, 3, "Unsupported Message Type", h.now(), h)
		return
	}
	body := bodyOf(m)
	if again, _ := m.Get(codecfix.PossResend); string(again) == "Y" {
		id, _ := m.Get(11)
		if h.orders[string(id)] {
			return
		}
		body = slices.Insert(body, 0, codecfix.Field{Tag: codecfix.PossResend, Value: []byte("Y")})
	}
	if id, ok := m.Get(11); ok {
		if h.orders == nil {
			h.orders = make(map[string]bool)
		}
		h.orders[string(id)] = true
	}
	h.send(msgType, body)
}

// send sends an application message and stores it.
func (h *echo) send(msgType string, body []codecfix.Field) {
	s := stored{h.session.NextOut, h.now(), msgType, body}
	h.stored = append(h.stored, s)
	w := h.session.Start(nil, msgType, s.sent)
	s.append(&w)
	h.session.Send(w.End(), s.sent, h)
}

func (s stored) append(w *codecfix.Writer) {
	for _, f := range s.body {
		w.Bytes(f.Tag, f.Value)
	}
}

func (h *echo) Resend(from, to uint64, each func(uint64, int64, string, func(*codecfix.Writer)) bool) {
	for _, s := range h.stored {
		if s.seq >= from && s.seq <= to && !each(s.seq, s.sent, s.msgType, s.append) {
			return
		}
	}
}

// headerTags are the tags of the header and the trailer that a message may have here.
var headerTags = []int{8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129, 144, 145, 369}

// bodyOf returns a copy of the body, ascending by tag.
func bodyOf(m *codecfix.Message) (body []codecfix.Field) {
	for _, f := range m.Fields {
		if !slices.Contains(headerTags, f.Tag) {
			body = append(body, codecfix.Field{Tag: f.Tag, Value: slices.Clone(f.Value)})
		}
	}
	slices.SortStableFunc(body, func(a, b codecfix.Field) int { return a.Tag - b.Tag })
	return body
}

func seqOf(m *codecfix.Message) (seq uint64) {
	b, _ := m.Get(codecfix.MsgSeqNum)
	_, _ = fmt.Sscan(string(b), &seq)
	return seq
}

// message returns a message from its type and its fields, "34=2 58=two_words", in their order.
func message(msgType string, fields []string) []byte {
	w := codecfix.Begin(nil, msgType)
	for _, f := range fields {
		tag, value, _ := strings.Cut(f, "=")
		n := 0
		_, _ = fmt.Sscan(tag, &n)
		w.Text(n, strings.ReplaceAll(value, "_", " "))
	}
	return w.End()
}
