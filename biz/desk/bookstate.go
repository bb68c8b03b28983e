package desk

import (
	"encoding/binary"
	"fmt"
	"math"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// The first byte of a book in a checkpoint. The states of accounts start with other bytes.
const (
	bookVersion      = 0xb3
	marketVersion    = 0xb2 // without sequences
	earlyBookVersion = 0xb1 // without the state of the market
)

const maxListings = market.MaxInstruments

// course is what a checkpoint has of the course of trading, apart from the accounts.
type course struct {
	fills     []ledger.Price // price of the last fill of each instrument; 0: no fill
	script    ScriptPosition
	sequences sequences
	newest    int64         // time of the newest market event
	market    []MarketEvent // that lead to the state of the market; appendState takes that from the market
}

// appendState appends the book, and the course of trading with the state of the market.
//
//	byte      version
//	16 bytes  HistoryID
//	          ScriptPosition
//	varint    time of the newest market event
//	uvarint   number of instruments; each a Listing, its uvarint price, uvarint previous
//	          close and its uvarint time, and 1 byte: 1 if it is halted
//	          sequences
//	          the rest: Openings
func (b *Book) appendState(dst []byte, c *course, m *market.Market) []byte {
	dst = append(append(dst, bookVersion), b.history[:]...)
	dst = binary.AppendVarint(c.script.append(dst), c.newest)
	dst = appendUint(dst, len(b.listings))
	for n := range b.listings {
		id := ledger.InstrumentID(n)
		dst = appendUint(b.listings[n].append(dst), c.fills[n])
		previous, at := m.PreviousClose(id)
		dst = binary.AppendUvarint(appendUint(dst, previous), uint64(at))
		halted := byte(0)
		if m.Halted(id) {
			halted = 1
		}
		dst = append(dst, halted)
	}
	dst = c.sequences.append(dst)
	for _, o := range b.openings {
		dst = o.append(dst)
	}
	return dst
}

// restoreBook returns what appendState of this release or an earlier one wrote. It does not retain
// state.
func restoreBook(state []byte) (*Book, *course, error) {
	b, c, f := NewBook(), new(course), fields{b: state}
	version := f.bytes(1)[0]
	copy(b.history[:], f.bytes(len(b.history)))
	if version != earlyBookVersion {
		c.script = f.scriptPosition()
		c.newest = f.varint()
	}
	halted := MarketEvent{Kind: MarketHalted, Time: c.newest}
	for range f.upTo(maxListings) {
		id := ledger.InstrumentID(len(c.fills))
		b.listings = append(b.listings, f.listing())
		c.fills = append(c.fills, ledger.Price(f.upTo(uint64(ledger.MaxPrice))))
		if version != earlyBookVersion {
			previous := []InstrumentPrice{{id, ledger.Price(f.upTo(uint64(ledger.MaxPrice)))}}
			c.market = append(c.market, MarketEvent{MarketClosed, int64(f.upTo(math.MaxInt64)), previous})
			if f.bytes(1)[0] != 0 {
				halted.Prices = append(halted.Prices, InstrumentPrice{Instrument: id})
			}
		}
		if f.bad {
			break
		}
	}
	if version == bookVersion {
		c.sequences = f.sequences()
	}
	for len(f.b) > 0 {
		o := f.opening()
		b.openings[o.Customer] = o
	}
	if f.bad || version != bookVersion && version != marketVersion && version != earlyBookVersion || !b.Complete() {
		return nil, nil, fmt.Errorf("%w: the book of instruments and customers", ledger.ErrMalformed)
	}
	c.market = append(c.market, halted)
	return b, c, nil
}

func (l *Listing) append(dst []byte) []byte {
	dst = append(append(dst, byte(len(l.Key.Market))), l.Key.Market...)
	dst = append(append(dst, byte(len(l.Key.Code))), l.Key.Code...)
	return appendUint(dst, l.Tick)
}

func (o Opening) append(dst []byte) []byte {
	dst = appendUint(dst, o.Customer)
	dst = binary.AppendVarint(dst, int64(o.Cash))
	return binary.BigEndian.AppendUint64(dst, o.Holdings)
}

func appendUint[T ledger.InstrumentID | ledger.Customer | ledger.Price | int](dst []byte, n T) []byte {
	return binary.AppendUvarint(dst, uint64(n))
}

// fields decodes fields from the start of b. After the first one that is missing or out of
// range, bad is true, b is empty and all fields are zero.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) fail() { f.b, f.bad = nil, true }

// bytes returns the next n bytes. They share the memory of b.
func (f *fields) bytes(n int) []byte {
	if n > len(f.b) {
		f.fail()
		return make([]byte, n)
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

// upTo returns the next uvarint, which may be at most most.
func (f *fields) upTo(most uint64) uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v > most {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.b)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) text() string { return string(f.bytes(int(f.bytes(1)[0]))) }

func (f *fields) listing() Listing {
	return Listing{Key: seed.Key{Market: f.text(), Code: f.text()}, Tick: ledger.Price(f.upTo(uint64(ledger.MaxPrice)))}
}

func (f *fields) opening() Opening {
	return Opening{
		Customer: ledger.Customer(f.upTo(math.MaxUint32)), Cash: ledger.Money(f.varint()),
		Holdings: binary.BigEndian.Uint64(f.bytes(8)),
	}
}
