package desk

import (
	"crypto/sha256"
	"fmt"

	"holdfast/biz/ledger"
)

// The first byte of a journal record is its kind.
const (
	recordGenesis  byte = 1  // SHA-256 of the seed file; the first record of all
	recordEvent    byte = 2  // one event of an earlier release: ledger.AppendEvent
	recordListings byte = 3  // uvarint first number; then Listings
	recordOpenings byte = 4  // Openings
	recordHistory  byte = 5  // HistoryID; the newest counts
	recordEvents   byte = 6  // the events of one command: ledger.AppendEvent of each
	recordMarket   byte = 7  // MarketEvent
	recordScript   byte = 8  // ScriptPosition
	recordAudit    byte = 9  // Audit
	recordSequence byte = 10 // SequenceMark
	recordFence    byte = 11 // Fence
)

// The most definitions in a record: some 70 and 100 KB.
const (
	listingsPerRecord = 512
	openingsPerRecord = 4096
)

// isEvents reports whether a record has events.
func isEvents(record []byte) bool {
	return len(record) > 0 && (record[0] == recordEvents || record[0] == recordEvent)
}

// eachEvent calls do with the events of a record, for which isEvents is true. Each is in e, which
// is memory of the caller. Errors are those of ledger.DecodeEvent and do, and
// ledger.ErrMalformed if the events are not those of one command.
func eachEvent(record []byte, e *ledger.Event, do func(*ledger.Event) error) error {
	for rest := record[1:]; ; {
		var used int
		var err error
		if *e, used, err = ledger.DecodeEvent(rest); err != nil {
			return err
		}
		rest = rest[used:]
		if e.More != (len(rest) > 0) || record[0] == recordEvent && !e.Early {
			return ledger.ErrMalformed
		}
		if err := do(e); err != nil || len(rest) == 0 {
			return err
		}
	}
}

// An Entry is a decoded record of the journal.
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
	// Market is something that has happened to the market, nil if nothing has.
	Market *MarketEvent
	// Script is how far a script has come, nil if it has not.
	Script *ScriptPosition
	// Audit is a command of an operator, nil in other records.
	Audit *Audit
	// Sequence is a change of a client's message numbers, nil in other records.
	Sequence *SequenceMark
	// Fence says which node of a cluster has taken over, nil in other records.
	Fence *Fence
	// Events are the events of one command.
	Events []ledger.Event
}

// DecodeEntry decodes a record and does not retain it. Errors are ledger.ErrMalformed and
// ledger.ErrVersion.
func DecodeEntry(record []byte) (Entry, error) {
	if len(record) == 0 {
		return Entry{}, fmt.Errorf("desk: empty journal record: %w", ledger.ErrMalformed)
	}
	var e Entry
	f := fields{b: record[1:]}
	switch record[0] {
	case recordEvent, recordEvents:
		err := eachEvent(record, new(ledger.Event), func(event *ledger.Event) error {
			e.Events = append(e.Events, *event)
			return nil
		})
		return e, err
	case recordMarket:
		e.Market = f.marketEvent()
	case recordScript:
		p := f.scriptPosition()
		e.Script = &p
	case recordAudit:
		e.Audit = f.audit()
	case recordSequence:
		e.Sequence = f.sequenceMark()
	case recordFence:
		e.Fence = f.fence()
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
	defines := e.Genesis || e.History != HistoryID{} || len(e.Listings) > 0 || len(e.Openings) > 0 || e.Market != nil || e.Script != nil || e.Audit != nil ||
		e.Sequence != nil || e.Fence != nil
	if f.bad || len(f.b) > 0 || !defines {
		return Entry{}, fmt.Errorf("desk: journal record of kind %d: %w", record[0], ledger.ErrMalformed)
	}
	return e, nil
}

// record returns the record of an entry that has no events.
func (e *Entry) record() []byte {
	switch {
	case e.Genesis:
		return append([]byte{recordGenesis}, e.Seed[:]...)
	case e.History != HistoryID{}:
		return append([]byte{recordHistory}, e.History[:]...)
	case e.Market != nil:
		return e.Market.append([]byte{recordMarket})
	case e.Script != nil:
		return e.Script.append([]byte{recordScript})
	case e.Audit != nil:
		return e.Audit.append([]byte{recordAudit})
	case e.Sequence != nil:
		return e.Sequence.append([]byte{recordSequence})
	case e.Fence != nil:
		return e.Fence.append([]byte{recordFence})
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
