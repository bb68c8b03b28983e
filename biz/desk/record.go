package desk

import (
	"crypto/sha256"
	"fmt"

	"holdfast/biz/ledger"
)

// The first byte of a journal record is its kind.
const (
	recordGenesis  byte = 1 // SHA-256 of the seed file; the first record of all
	recordEvent    byte = 2 // ledger.AppendEvent
	recordListings byte = 3 // uvarint first number; then Listings
	recordOpenings byte = 4 // Openings
	recordHistory  byte = 5 // HistoryID; the newest counts
)

// The most definitions in a record: some 70 and 100 KB.
const (
	listingsPerRecord = 512
	openingsPerRecord = 4096
)

// appendEventRecord appends the record of an event; reason is that of a bust.
func appendEventRecord(dst []byte, e *ledger.Event, reason string) []byte {
	return ledger.AppendEvent(append(dst, recordEvent), e, reason)
}

// decodeEvent returns the event of a record; ok is false for records of other kinds.
func decodeEvent(record []byte) (e ledger.Event, reason string, ok bool, err error) {
	if len(record) == 0 || record[0] != recordEvent {
		_, err := DecodeEntry(record)
		return ledger.Event{}, "", false, err
	}
	e, reason, used, err := ledger.DecodeEvent(record[1:])
	if err == nil && used != len(record)-1 {
		err = ledger.ErrMalformed
	}
	return e, reason, true, err
}

// An Entry is a decoded record of the journal. Event.Kind is zero unless it is an event.
type Entry struct {
	// Genesis is true for the first record, which has the hash of the seed file.
	Genesis bool
	Seed    [sha256.Size]byte
	// History, unless it is zero, is a new identity of the history.
	History HistoryID
	// Listings are new instruments, numbered from First.
	First    ledger.InstrumentID
	Listings []Listing
	// Openings are new customers, and customers without orders that start with something
	// else than before.
	Openings []Opening
	// Event is an event. Reason is that of a bust.
	Event  ledger.Event
	Reason string
}

// IsEvent reports whether the record is an event.
func (e *Entry) IsEvent() bool { return e.Event.Kind != 0 }

// DecodeEntry decodes a record and does not retain it. Errors are ledger.ErrMalformed and
// ledger.ErrVersion.
func DecodeEntry(record []byte) (Entry, error) {
	if len(record) == 0 {
		return Entry{}, fmt.Errorf("desk: empty journal record: %w", ledger.ErrMalformed)
	}
	var e Entry
	f := fields{b: record[1:]}
	switch record[0] {
	case recordEvent:
		event, reason, _, err := decodeEvent(record)
		return Entry{Event: event, Reason: reason}, err
	case recordGenesis:
		e.Genesis = true
		copy(e.Seed[:], f.bytes(len(e.Seed)))
	case recordHistory:
		copy(e.History[:], f.bytes(len(e.History)))
	case recordListings:
		e.First = ledger.InstrumentID(f.upTo(maxListings))
		for len(f.b) > 0 {
			e.Listings = append(e.Listings, f.listing())
		}
	case recordOpenings:
		for len(f.b) > 0 {
			e.Openings = append(e.Openings, f.opening())
		}
	default:
		return Entry{}, fmt.Errorf("desk: journal record of kind %d, which this release does not know: %w", record[0], ledger.ErrMalformed)
	}
	defines := e.Genesis || e.History != HistoryID{} || len(e.Listings) > 0 || len(e.Openings) > 0
	if f.bad || len(f.b) > 0 || !defines {
		return Entry{}, fmt.Errorf("desk: journal record of kind %d: %w", record[0], ledger.ErrMalformed)
	}
	return e, nil
}

// record returns the record of an entry that is no event.
func (e *Entry) record() []byte {
	switch {
	case e.Genesis:
		return append([]byte{recordGenesis}, e.Seed[:]...)
	case e.History != HistoryID{}:
		return append([]byte{recordHistory}, e.History[:]...)
	case len(e.Listings) > 0:
		dst := appendUint([]byte{recordListings}, e.First)
		for i := range e.Listings {
			dst = e.Listings[i].append(dst)
		}
		return dst
	}
	dst := []byte{recordOpenings}
	for _, o := range e.Openings {
		dst = o.append(dst)
	}
	return dst
}
