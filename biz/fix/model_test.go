package fix_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
)

// peer is a simple initiator, and the wires between it and a Session. Messages arrive in order, but
// may be garbled on the way, and connections break.
type peer struct {
	t   *rapid.T
	now int64
	s   *fix.Session
	h   *echo

	nextOut, nextIn uint64
	asked           uint64         // nextIn when it last asked
	sent            map[uint64]int // orders by number; what is missing is not sent again
	orders          []int          // as they were sent first
	executed        []int          // by the host
	reports         int            // of the host
	received        []int          // by the peer
	toSession       [][]byte       // on the wire
	toPeer          [][]byte       //
	lastNew         uint64         // highest number of the Session without PossDupFlag
	connected       bool
	m               codecfix.Message // on its way to the peer
}

func newPeer(t *rapid.T) *peer {
	p := &peer{t: t, now: start, nextOut: 1, nextIn: 1, sent: make(map[uint64]int)}
	p.s = fix.New(&fix.Config{
		Ours: "ISLD", Theirs: "TW44", ClockWindow: int64(24 * time.Hour),
		Chunk: uint64(rapid.IntRange(0, 3).Draw(t, "chunk")), MaxAhead: rapid.IntRange(1, 5).Draw(t, "ahead"),
		ResendPiece: rapid.IntRange(1, 4).Draw(t, "piece"),
	})
	p.h = &echo{session: p.s, now: func() int64 { return p.now }}
	p.h.write = func(message []byte, _ bool) { p.leaves(slices.Clone(message)) }
	p.h.close = func(string) { p.cut() }
	return p
}

// leaves looks at what the Session writes.
func (p *peer) leaves(message []byte) {
	p.toPeer = append(p.toPeer, message)
	var m codecfix.Message
	if m.Parse(message) != nil {
		return // garbled on demand
	}
	if dup, _ := m.Get(codecfix.PossDupFlag); string(dup) == "Y" {
		return
	}
	if seq := seqOf(&m); seq <= p.lastNew || seq >= p.s.NextOut {
		p.t.Fatalf("number %d after %d, the next is %d", seq, p.lastNew, p.s.NextOut)
	} else {
		p.lastNew = seq
	}
}

// host executes the orders of the peer and counts them.
type host struct {
	*echo
	p *peer
}

func (h host) Execute(m *codecfix.Message) {
	id, _ := m.Get(11)
	n, _ := strconv.Atoi(string(id))
	h.p.executed = append(h.p.executed, n)
}

func (p *peer) host() fix.Host { return host{p.h, p} }

// send puts a message on the wire. With again it is not for the first time.
func (p *peer) send(seq uint64, msgType string, again bool, body ...string) {
	fields := []string{"34=" + strconv.FormatUint(seq, 10)}
	at := string(codecfix.AppendTime(nil, p.now))
	if again {
		fields = append(fields, "43=Y", "122="+at)
	}
	fields = append(fields, "49=TW44", "52="+at, "56=ISLD")
	p.toSession = append(p.toSession, message(msgType, append(fields, body...)))
}

func (p *peer) sendNew(msgType string, body ...string) {
	p.send(p.nextOut, msgType, false, body...)
	p.nextOut++
}

func (p *peer) connect() {
	p.connected, p.asked = true, 0
	p.sendNew("A", "98=0", "108=30")
}

func (p *peer) cut() {
	p.connected, p.toSession, p.toPeer = false, nil, nil
	p.s.Disconnected()
}

func (p *peer) order() {
	n := len(p.orders)
	p.orders = append(p.orders, n)
	p.sent[p.nextOut] = n
	if p.connected {
		p.sendNew("D", "11="+strconv.Itoa(n))
	} else {
		p.nextOut++
	}
}

// report sends an application message of the host.
func (p *peer) report() {
	p.h.send("8", bodyOfFields([]string{"37=" + strconv.Itoa(p.reports)}))
	p.reports++
}

// deliver moves one message from the peer to the Session.
func (p *peer) deliver(garbled bool) {
	if len(p.toSession) == 0 {
		return
	}
	b := p.toSession[0]
	p.toSession = p.toSession[1:]
	if garbled {
		p.s.Garbled(p.now, p.host())
		return
	}
	var m codecfix.Message
	if err := m.Parse(b); err != nil {
		p.t.Fatal(err)
	}
	p.s.Receive(&m, p.now, p.host())
	clear(b) // the Session must not need it any more
}

// take moves one message from the Session to the peer.
func (p *peer) take() {
	if len(p.toPeer) == 0 {
		return
	}
	b := p.toPeer[0]
	p.toPeer = p.toPeer[1:]
	m := &p.m
	if m.Parse(b) != nil {
		return
	}
	seq := seqOf(m)
	msgType := string(m.Type)
	if msgType == "2" {
		p.resend(m)
	}
	switch {
	case seq > p.nextIn:
		if p.asked != p.nextIn {
			p.ask()
		}
		return
	case seq < p.nextIn:
		if dup, _ := m.Get(codecfix.PossDupFlag); string(dup) != "Y" {
			p.t.Fatalf("number %d again without PossDupFlag, expecting %d", seq, p.nextIn)
		}
		return
	}
	p.nextIn++
	switch msgType {
	case "8":
		id, _ := m.Get(37)
		n, _ := strconv.Atoi(string(id))
		p.received = append(p.received, n)
	case "1":
		p.sendNew("0")
	case "4":
		next, _ := m.Get(36)
		p.nextIn, _ = strconv.ParseUint(string(next), 10, 64)
	case "5":
		p.cut()
	}
}

func (p *peer) ask() {
	p.asked = p.nextIn
	p.sendNew("2", "7="+strconv.FormatUint(p.nextIn, 10), "16=0")
}

// resend answers a ResendRequest of the Session.
func (p *peer) resend(m *codecfix.Message) {
	field := func(tag int) uint64 {
		b, _ := m.Get(tag)
		n, _ := strconv.ParseUint(string(b), 10, 64)
		return n
	}
	end := field(16)
	if end == 0 || end >= p.nextOut {
		end = p.nextOut - 1
	}
	for seq := field(7); seq <= end; {
		if n, ok := p.sent[seq]; ok {
			p.send(seq, "D", true, "11="+strconv.Itoa(n))
			seq++
			continue
		}
		from := seq
		for ; seq <= end; seq++ {
			if _, ok := p.sent[seq]; ok {
				break
			}
		}
		p.send(from, "4", true, "123=Y", "36="+strconv.FormatUint(seq, 10))
	}
}

func (p *peer) check() {
	if !slices.Equal(p.executed, p.orders[:min(len(p.executed), len(p.orders))]) {
		p.t.Fatalf("executed %v", p.executed)
	}
	for i, n := range p.received {
		if n != i {
			p.t.Fatalf("received %v", p.received)
		}
	}
}

// finish lets everything arrive.
func (p *peer) finish() {
	p.s.Faults = nil
	for range 20 {
		for len(p.toSession)+len(p.toPeer) > 0 || p.s.Resending() {
			p.s.Resume(10, p.now, p.host())
			p.deliver(false)
			p.take()
		}
		if !p.connected {
			p.connect()
			continue
		}
		p.now += int64(11 * time.Second)
		p.s.Tick(p.now, p.host())
		if p.connected {
			p.sendNew("0")
			p.asked = 0
		}
	}
	if !slices.Equal(p.executed, p.orders) {
		p.t.Fatalf("executed %v of %d orders, next in %d of %d", p.executed, len(p.orders), p.s.NextIn, p.nextOut)
	}
	if len(p.received) != p.reports {
		p.t.Fatalf("received %v of %d reports, next in %d of %d", p.received, p.reports, p.nextIn, p.s.NextOut)
	}
}

// TestEachMessageOnce: whatever is garbled, lost or cut, each order is executed once and in order,
// each report arrives once and in order, and no number is used twice.
func TestEachMessageOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPeer(t)
		p.connect()
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 19).Draw(t, "step"); step {
			case 0, 1, 2:
				p.order()
			case 3, 4:
				p.report()
			case 5, 6, 7, 8, 9:
				p.deliver(false)
			case 10, 11, 12, 13:
				p.take()
			case 14:
				p.deliver(true)
			case 15:
				p.s.Resume(rapid.IntRange(1, 3).Draw(t, "resume"), p.now, p.host())
			case 16:
				p.s.Faults = fault(rapid.IntRange(0, 5).Draw(t, "fault"))
			case 17:
				p.cut()
			case 18:
				p.now += int64(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
				p.s.Tick(p.now, p.host())
			case 19:
				if !p.connected {
					p.connect()
				} else {
					p.sendNew("0")
				}
			}
			p.check()
		}
		p.finish()
	})
}

func fault(n int) *fix.Faults {
	return []*fix.Faults{nil, {Drop: 2}, {CheckSum: 1}, {BodyLength: 1}, {Skip: 1}, {Cut: 1}}[n]
}
