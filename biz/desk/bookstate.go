package desk

import (
	"encoding/binary"
	"fmt"
	"math"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// bookVersion is the first byte of a book in a snapshot. The states of accounts begin with
// other bytes.
const bookVersion = 0xb1

const maxListings = market.MaxInstruments

// appendState appends the book and the price of the last fill of each instrument, 0 for
// none.
//
//	byte      version
//	16 bytes  HistoryID
//	uvarint   number of instruments; each a Listing and its uvarint price
//	          the rest: Openings
func (b *Book) appendState(dst []byte, fills []ledger.Price) []byte {
	dst = append(append(dst, bookVersion), b.history[:]...)
	dst = appendUint(dst, len(b.listings))
	for n := range b.listings {
		dst = appendUint(b.listings[n].append(dst), fills[n])
	}
	for _, o := range b.openings {
		dst = o.append(dst)
	}
	return dst
}

// restoreBook returns what appendState wrote. It does not retain state.
func restoreBook(state []byte) (*Book, []ledger.Price, error) {
	b, f := NewBook(), fields{b: state}
	version := f.bytes(1)
	copy(b.history[:], f.bytes(len(b.history)))
	var fills []ledger.Price
	for range f.upTo(maxListings) {
		b.listings = append(b.listings, f.listing())
		fills = append(fills, ledger.Price(f.upTo(uint64(ledger.MaxPrice))))
		if f.bad {
			break
		}
	}
	for len(f.b) > 0 {
		o := f.opening()
		b.openings[o.Customer] = o
	}
	if f.bad || version[0] != bookVersion || !b.Complete() {
		return nil, nil, fmt.Errorf("%w: the book of instruments and customers", ledger.ErrMalformed)
	}
	return b, fills, nil
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
