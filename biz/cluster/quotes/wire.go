package quotes

import (
	"encoding/binary"
	"errors"
	"slices"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// The subjects of the messages.
const (
	subject      = "hf.market"       // from the leader: what happens
	stateSubject = "hf.market.state" // to the leader: a request for its state; the body is a varint time
)

// messageSize is how long a message gets, in bytes; its last event may exceed that.
const messageSize = 64 << 10

// pricesPerEvent is the most prices of an event in a message: at most 150 KB.
const pricesPerEvent = 1024

// errMalformed means that a message is not one of this package.
var errMalformed = errors.New("quotes: malformed message about the market; all nodes must have the same release of holdfast")

// event is a desk.MarketEvent in which instruments have names.
type event struct {
	kind   desk.MarketEventKind
	time   int64
	prices []price
}

type price struct {
	key   seed.Key
	price ledger.Price
}

// header is the start of each message:
//
//	uvarint  epoch of the leader
//	uvarint  sequence number; of a state: that of the last message in it
//	varint   trading time until which the leader has done everything, in Unix nanoseconds
//	uvarint  part of a state, from 0 on
//	byte     1: the last part
//
// The rest are events: a byte with the kind, varint time, uvarint number of prices; each 1 + the
// length of the market and the market, or 0 for that of the price before in the message, the length
// of the code and the code, and the price. Numbers are uvarints.
type header struct {
	epoch, sequence uint64
	time            int64
	part            uint64
	last            bool
}

func (h *header) append(dst []byte) []byte {
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, h.epoch), h.sequence)
	dst = binary.AppendUvarint(binary.AppendVarint(dst, h.time), h.part)
	if h.last {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// encode returns the bodies of messages with the events, without headers; at least one.
func encode(events []event) (bodies [][]byte) {
	var body []byte
	market, named := "", false
	for _, e := range events {
		for chunk := range slices.Chunk(e.prices, pricesPerEvent) {
			if len(body) > messageSize {
				bodies = append(bodies, body)
				body, named = nil, false
			}
			body = binary.AppendVarint(append(body, byte(e.kind)), e.time)
			body = binary.AppendUvarint(body, uint64(len(chunk)))
			for _, p := range chunk {
				if named && p.key.Market == market {
					body = append(body, 0)
				} else {
					market, named = p.key.Market, true
					body = append(binary.AppendUvarint(body, uint64(len(market))+1), market...)
				}
				body = append(binary.AppendUvarint(body, uint64(len(p.key.Code))), p.key.Code...)
				body = binary.AppendUvarint(body, uint64(p.price))
			}
		}
	}
	return append(bodies, body)
}

// decode returns the header and the events of a message, which it does not retain. The error is
// errMalformed.
func decode(message []byte) (h header, events []event, err error) {
	r := reader{b: message}
	h = header{epoch: r.uvarint(), sequence: r.uvarint(), time: r.varint(), part: r.uvarint(), last: r.byte() == 1}
	market := ""
	for len(r.b) > 0 {
		e := event{kind: desk.MarketEventKind(r.byte()), time: r.varint()}
		n := r.uvarint()
		if n > pricesPerEvent {
			return h, nil, errMalformed
		}
		for range n {
			if size := r.uvarint(); size > 0 {
				market = r.text(size - 1)
			}
			e.prices = append(e.prices, price{seed.Key{Market: market, Code: r.text(r.uvarint())}, ledger.Price(r.uvarint())})
			if r.bad || e.prices[len(e.prices)-1].price > ledger.MaxPrice {
				return h, nil, errMalformed
			}
		}
		events = append(events, e)
	}
	if r.bad {
		return h, nil, errMalformed
	}
	return h, events, nil
}

// reader decodes from the start of b. After an error, bad is true, b is empty and all values are
// zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n <= 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(n)
	return v
}

func (r *reader) text(size uint64) string {
	if size == 0 {
		return ""
	}
	return string(r.take(int(min(size, uint64(len(r.b))+1))))
}
