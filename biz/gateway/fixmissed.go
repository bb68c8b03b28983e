package gateway

import (
	"bytes"
	"strconv"

	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// maxMissedRequest is the longest ResendRequest that waits for the end of an overload.
const maxMissedRequest = 1 << 10

// fixMissed is what an overload has dropped of the messages of a connection.
type fixMissed struct {
	id      *fixIdentity
	number  uint64 // the highest MsgSeqNum
	request []byte // the last ResendRequest: the client would fill its number by a GapFill
}

func missedOf(id *fixIdentity, m *codecfix.Message, frame []byte) fixMissed {
	lost := fixMissed{id: id}
	v, _ := m.Get(codecfix.MsgSeqNum)
	if n, err := strconv.ParseUint(string(v), 10, 64); err == nil && n <= fix.MaxSeqNum {
		lost.number = n
	}
	if string(m.Type) == "2" && len(frame) <= maxMissedRequest {
		lost.request = bytes.Clone(frame)
	}
	return lost
}

// miss adds to what a connection has missed: keepTime asks for it when there is room. Goroutine: any.
func (d *fixDoor) miss(conn *engine.Session, lost fixMissed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.missed[conn]
	lost.number = max(lost.number, before.number)
	if lost.request == nil {
		lost.request = before.request
	}
	d.missed[conn] = lost
}

func (d *fixDoor) takeMissed() map[*engine.Session]fixMissed {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.missed) == 0 {
		return nil
	}
	missed := d.missed
	d.missed = make(map[*engine.Session]fixMissed)
	return missed
}

// ask answers the ResendRequest that was dropped, and asks for the other messages.
func (t *fixTurn) ask(lost fixMissed) {
	if t.g.state.Get(t.id.conn).revoked.Load() {
		return
	}
	var m codecfix.Message
	if lost.request != nil && m.Parse(lost.request) == nil {
		t.id.session.Receive(&m, t.wall, t)
	}
	t.id.session.Missed(lost.number, t.wall, t)
}
