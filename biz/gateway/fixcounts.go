package gateway

import (
	"bytes"
	"strings"
	"sync/atomic"

	codecfix "holdfast/codec/fix"
)

// fixCounters counts messages. Goroutine: any.
type fixCounters struct {
	in, out [2 * 128]atomic.Uint64 // by fixTypeIndex
	garbled atomic.Uint64
	resent  atomic.Uint64 // with PossDupFlag
}

// fixTypeIndex returns the place of a MsgType among the counters, 0 for those that FIX 4.4 lacks.
func fixTypeIndex(t []byte) int {
	switch {
	case len(t) == 1 && t[0] < 128:
		return int(t[0])
	case len(t) == 2 && t[0] == 'A' && t[1] < 128:
		return 128 + int(t[1])
	}
	return 0
}

func (c *fixCounters) received(m *codecfix.Message, err error) {
	if err != nil {
		c.garbled.Add(1)
		return
	}
	c.in[fixTypeIndex(m.Type)].Add(1)
}

// sent counts a complete message, or the beginning of one.
func (c *fixCounters) sent(message []byte) {
	const before = "\x0135="
	_, rest, _ := bytes.Cut(message[:min(len(message), 40)], []byte(before))
	msgType, _, _ := bytes.Cut(rest, []byte{'\x01'})
	c.out[fixTypeIndex(msgType)].Add(1)
}

// FIXCount is how many messages of a type there were.
type FIXCount struct {
	Type           string // MsgType; "" means those that FIX 4.4 lacks
	Received, Sent uint64
}

// FIXCounts are the counters of the FIX listeners.
type FIXCounts struct {
	Messages []FIXCount // of the types that the server sends or executes, and ""
	Garbled  uint64     // frames that were no messages
	Resent   uint64     // messages with PossDupFlag
	Refused  uint64     // Logons
	Online   int        // clients that are connected
}

// fixTypes are the types that FIXCounts lists: those of the session, requests, and answers.
var fixTypes = strings.Fields("0 1 2 3 4 5 A D F G H q x V AD AF AN 8 9 j r y W X Y AE AO AP AQ")

// FIXCounts returns the counters of the FIX listeners. Goroutine: any.
func (g *Gateway) FIXCounts() FIXCounts {
	c := &g.fix.counts
	counts := FIXCounts{Garbled: c.garbled.Load(), Resent: c.resent.Load(), Refused: g.fix.refused.Load(), Online: g.fix.clients()}
	other := FIXCount{}
	for i := range c.in {
		other.Received += c.in[i].Load()
		other.Sent += c.out[i].Load()
	}
	for _, t := range fixTypes {
		i := fixTypeIndex([]byte(t))
		n := FIXCount{t, c.in[i].Load(), c.out[i].Load()}
		counts.Messages = append(counts.Messages, n)
		other.Received -= min(other.Received, n.Received) // it may have grown meanwhile
		other.Sent -= min(other.Sent, n.Sent)
	}
	counts.Messages = append(counts.Messages, other)
	return counts
}
