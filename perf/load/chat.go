package load

import (
	"encoding/binary"
	"slices"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
)

// chatTextBytes is the length of a chat message's text.
const chatTextBytes = 40

// chatBody returns what a client says. It starts with the mark.
func chatBody() *pb.ChatRequest {
	return &pb.ChatRequest{Text: string(appendText([]byte(emptyMark()+" "), chatTextBytes-markLen-1))}
}

// deliveries checks the workload Chat: every connection must receive every message once,
// and all connections in the same order. It logs the messages as the first connection
// receives them, and compares those of all connections with the log. Owner: the event
// loop.
type deliveries struct {
	tally  *tally
	window *window
	due    func(sender uint32, k uint64) int64
	// first is the number of a connection's first message.
	first uint32
	nonce uint64 // the first 8 bytes of our marks
	every int    // a connection books the latency of one in this many messages
	log   []said
	next  []uint32 // by sender: the least number that its next message can have
	// unheard is by sender how many messages were answered with OK and are not in the log;
	// less than 0 if the log has others, whose answers are to come.
	unheard []int
	conns   []conn

	duplicated, disordered uint64

	// These are about the present read.
	now   int64
	from  int // where in the log its first message is
	taken int // messages
	own   int // messages that the connection itself has sent
}

// said is a message of the log.
type said struct {
	mark   [2]uint64 // the end of its mark
	due    int64
	sender uint32
	number uint32 // of the request, among those of its sender
}

// sampledConnections is how many connections book the latency of a message.
const sampledConnections = 128

func newDeliveries(o Options, t *tally, nonce uint32, conns []conn) *deliveries {
	var prefix [8]byte
	putHex(prefix[:], nonce)
	return &deliveries{
		tally: t, conns: conns, first: uint32(len(o.opening())), nonce: binary.LittleEndian.Uint64(prefix[:]),
		every: (o.Connections + sampledConnections - 1) / sampledConnections, next: make([]uint32, o.Connections),
		unheard: make([]int, o.Connections),
	}
}

// startRead says that messages of c follow that were read at a moment.
func (d *deliveries) startRead(c *conn, now int64) {
	d.now, d.from, d.taken, d.own = now, c.heard, 0, 0
}

// endRead counts them.
func (d *deliveries) endRead(c *conn) {
	d.book(c)
	d.tally.pushed += uint64(d.taken)
	if d.tally.measuring {
		d.tally.pushes[codec.PushChatMessage] += uint64(d.taken)
	}
}

// take checks a message that c has received. Messages of other runs don't count.
func (d *deliveries) take(c *conn, text []byte) {
	if len(text) < markLen || binary.LittleEndian.Uint64(text) != d.nonce {
		return
	}
	mark := [2]uint64{binary.LittleEndian.Uint64(text[8:]), binary.LittleEndian.Uint64(text[16:])}
	if c.heard == len(d.log) {
		if m, ok := d.parse(mark, text); ok && m.number >= d.next[m.sender] {
			d.insert(c.heard, m)
		}
	}
	if c.heard == len(d.log) || d.log[c.heard].mark != mark {
		d.misplaced(c, mark, text)
		return
	}
	d.heard(c)
}

// heard counts the next message of the log as received.
func (d *deliveries) heard(c *conn) {
	if d.log[c.heard].sender == c.number {
		d.own++
	}
	c.heard++
	d.taken++
}

// parse returns the message with that mark; ok is false if no client can have said it.
func (d *deliveries) parse(mark [2]uint64, text []byte) (m said, ok bool) {
	sender, isSender := parseHex(text[9:15])
	number, isNumber := parseHex(text[16:markLen])
	if !isSender || !isNumber || int(sender) >= len(d.next) || number < d.first {
		return said{}, false
	}
	return said{mark: mark, due: d.due(sender, uint64(number-d.first)), sender: sender, number: number}, true
}

// misplaced counts a message that is not the next of the log. Before a later one, c misses
// messages until they come. With one that is not in the log, either c misses the rest of the
// log, or all that are past this place have missed it: the fewer, the likelier.
func (d *deliveries) misplaced(c *conn, mark [2]uint64, text []byte) {
	d.book(c)
	defer func() { d.from = c.heard }()
	m, ok := d.parse(mark, text)
	at := -1
	if ok && m.number < d.next[m.sender] { // else it can't be in the log
		for at = len(d.log) - 1; at >= 0 && d.log[at].mark != mark; {
			at--
		}
	}
	missing := slices.Index(c.missing, at)
	switch {
	case at >= c.heard:
		d.skip(c, at, text)
	case missing >= 0:
		c.missing = slices.Delete(c.missing, missing, missing+1)
		d.disordered++
		d.taken++
		if d.log[at].sender == c.number {
			d.own++
		}
	case at >= 0:
		d.duplicated++
		d.tally.sample("connection %d: chat message %s came again", c.number, text[:markLen])
	default:
		if !ok {
			d.disordered++
			d.tally.sample("connection %d: chat message %s was never sent", c.number, text[:markLen])
			return
		}
		past := 0
		for i := range d.conns {
			if d.conns[i].heard > c.heard {
				past++
			}
		}
		if end := len(d.log); end-c.heard <= past {
			d.insert(end, m)
			d.skip(c, end, text)
			return
		}
		d.insert(c.heard, m)
		d.bookNext(c)
	}
}

// skip counts the message at a place of the log that c receives before others.
func (d *deliveries) skip(c *conn, at int, text []byte) {
	if at > c.heard {
		d.tally.sample("connection %d: chat message %s came too early: %d others are missing", c.number, text[:markLen], at-c.heard)
	}
	for ; c.heard < at; c.heard++ {
		c.missing = append(c.missing, c.heard)
	}
	d.bookNext(c)
}

// bookNext is heard with the latency of this message alone.
func (d *deliveries) bookNext(c *conn) {
	d.from = c.heard
	d.heard(c)
	d.book(c)
}

// insert puts a message into the log.
func (d *deliveries) insert(at int, m said) {
	d.next[m.sender] = max(d.next[m.sender], m.number+1)
	d.unheard[m.sender]--
	d.log = slices.Insert(d.log, at, m)
	if at == len(d.log)-1 {
		return
	}
	for i := range d.conns {
		c := &d.conns[i]
		for j := range c.missing {
			if c.missing[j] >= at {
				c.missing[j]++
			}
		}
		if c.heard > at {
			c.heard++
			c.missing = append(c.missing, at)
		}
	}
}

// book records the latencies of the messages since from. The longest is exact, the others
// are those of one in every messages, at a place that differs between connections.
func (d *deliveries) book(c *conn) {
	oldest := d.now
	for i := d.from; i < c.heard; i++ {
		due := d.log[i].due
		if !d.window.has(due) {
			continue
		}
		oldest = min(oldest, due)
		if (i+int(c.number))%d.every == 0 {
			record(d.tally.latency, d.now-due, 1)
		}
	}
	d.tally.longest = max(d.tally.longest, d.now-oldest)
}

// complete reports whether a connection has received all messages.
func (d *deliveries) complete(c *conn) bool { return c.heard == len(d.log) && len(c.missing) == 0 }

// accept counts a message of c as answered with OK.
func (d *deliveries) accept(c *conn) { d.unheard[c.number]++ }

// unheardCount returns how many messages were answered with OK and reached nobody.
func (d *deliveries) unheardCount() (n int) {
	for _, count := range d.unheard {
		n += max(count, 0)
	}
	return n
}

// Kinds of the errors that count messages.
const (
	// messagesUnheard were answered with OK, but no connection received them.
	messagesUnheard = "messages nobody received"
	// messagesLost were missed by a connection that has received later ones.
	messagesLost = "messages lost"
	// messagesUndelivered had not arrived when the run ended, nor had later ones.
	messagesUndelivered = "messages undelivered"
	messagesDuplicated  = "messages duplicated"
	messagesDisordered  = "messages out of order"
)

// writeTo counts the errors of the run. Of a run that was cut short, the messages that may
// still have been on their way don't count.
func (d *deliveries) writeTo(cut bool) {
	lost, undelivered := 0, 0
	for i := range d.conns {
		if c := &d.conns[i]; c.state == ready {
			lost += len(c.missing)
			undelivered += len(d.log) - c.heard
		}
	}
	if !cut {
		addCount(d.tally.errors, messagesUndelivered, uint64(undelivered))
		addCount(d.tally.errors, messagesUnheard, uint64(d.unheardCount()))
	}
	addCount(d.tally.errors, messagesLost, uint64(lost))
	addCount(d.tally.errors, messagesDuplicated, d.duplicated)
	addCount(d.tally.errors, messagesDisordered, d.disordered)
}

// consumeChat checks the complete frames of the chat dialect in b. It is consume without
// its general parts, which would cost more than the rest: there are millions of messages a
// second.
func (l *protocol) consumeChat(c *conn, b []byte) (a arrival, err error) {
	for {
		used, text, err := nextChatFrame(b[a.used:])
		if used == 0 || err != nil {
			return a, err
		}
		if chat.Type(b[a.used+chatTypeAt]) == chat.TypeMessage {
			l.chat.take(c, text)
		} else {
			_, _, _ = chatWire{}.next(c, b[a.used:], &l.message) // the frame is complete
			if err := l.push(c, &l.message); err != nil {
				return a, err
			}
		}
		a.used += used
	}
}
