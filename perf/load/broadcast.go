package load

import (
	"bytes"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"holdfast/codec/pb"
)

// broadcasts measures the workload Broadcast: how long it takes until the last connection
// has received a quote. Owner: the event loop.
type broadcasts struct {
	tally *tally
	all   int   // connections
	epoch int64 // the loop's clock 0 in Unix nanoseconds
	// open holds the quotes that not all connections have received, by the bytes of each
	// encoding up to the time, and by instrument and price.
	open   map[string]*openQuote
	quoted map[instrumentPrice]*openQuote
	// Measured broadcasts: those that are complete, and those that can't be any more.
	reached, stale uint64
}

type instrumentPrice struct {
	market, code string
	price        int64
}

// openQuote is a quote that not all connections have received.
type openQuote struct {
	key       instrumentPrice
	encodings []string
	from      int64 // its earliest time, on the loop's clock
	received  int
	receivers []bool
	measured  bool // its first connection received it within the window
}

// oneQuote bounds the time between the encodings of a quote, in nanoseconds. A later one
// with the same price is another quote.
const oneQuote = 1e9

func newBroadcasts(o Options, t *tally, epoch int64) *broadcasts {
	return &broadcasts{
		tally: t, all: o.Connections, epoch: epoch,
		open: make(map[string]*openQuote), quoted: make(map[instrumentPrice]*openQuote),
	}
}

// take counts a quote that c received at now. The server encodes a quote once for the
// sessions of each account, each time with another time.
func (b *broadcasts) take(c *conn, body []byte, now int64) {
	encoding, at := splitQuote(body)
	q := b.open[string(encoding)]
	if q == nil {
		if q = b.quote(c, body); q == nil {
			return
		}
		q.encodings = append(q.encodings, string(encoding))
		b.open[string(encoding)] = q
	}
	if q.receivers[c.number] || at-b.epoch-q.from > oneQuote { // the price is back
		if b.end(q); q.measured {
			b.stale++
		}
		b.take(c, body, now)
		return
	}
	q.receivers[c.number] = true
	q.from = min(q.from, at-b.epoch)
	if q.received++; q.received < b.all {
		return
	}
	if b.end(q); q.measured {
		b.reached++
		record(b.tally.latency, now-q.from, 1)
	}
}

func (b *broadcasts) end(q *openQuote) {
	delete(b.quoted, q.key)
	for _, e := range q.encodings {
		delete(b.open, e)
	}
}

// start forgets the quotes that came while not all connections had subscribed.
func (b *broadcasts) start() {
	clear(b.open)
	clear(b.quoted)
}

// quote returns the broadcast of a quote whose encoding is new.
func (b *broadcasts) quote(c *conn, body []byte) *openQuote {
	var q pb.Quote
	if c.wire.decode(body, &q) != nil {
		return nil
	}
	key := instrumentPrice{q.Market, q.Code, q.LastPrice}
	if b.quoted[key] == nil {
		b.quoted[key] = &openQuote{key: key, from: q.Time - b.epoch, measured: b.tally.measuring, receivers: make([]bool, b.all)}
	}
	return b.quoted[key]
}

// splitQuote divides an encoded Quote, of Protocol Buffers or of JSON, at its time.
func splitQuote(body []byte) (encoding []byte, at int64) {
	encoding, text, isJSON := bytes.Cut(body, []byte(`,"time":"`))
	if isJSON {
		text, _, _ = bytes.Cut(text, []byte(`"`))
		at, _ = strconv.ParseInt(string(text), 10, 64)
		return encoding, at
	}
	for rest := body; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			break
		}
		if number == 4 && kind == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(rest[n:])
			return body[:len(body)-len(rest)], int64(v)
		}
		value := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if value < 0 {
			break
		}
		rest = rest[n+value:]
	}
	return body, 0
}

// broadcastsIncomplete is the kind of the error that counts the quotes which not all
// connections have received.
const broadcastsIncomplete = "broadcasts incomplete"

// writeTo counts the quotes of the window. Of a run that was cut short, those that may still have
// been on their way don't count.
func (b *broadcasts) writeTo(t *tally, cut bool) {
	t.requests = b.reached
	addCount(t.errors, broadcastsIncomplete, b.stale)
	if cut {
		return
	}
	for _, q := range b.quoted {
		if q.measured {
			addCount(t.errors, broadcastsIncomplete, 1)
		}
	}
}

// complete reports whether all quotes of the window have reached all connections.
func (b *broadcasts) complete() bool {
	for _, q := range b.quoted {
		if q.measured {
			return false
		}
	}
	return true
}
