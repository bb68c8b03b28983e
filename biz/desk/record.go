package desk

import (
	"crypto/sha256"
	"fmt"

	"holdfast/biz/ledger"
)

// The first byte of a journal record is its kind.
const (
	recordGenesis byte = 1 // SHA-256 of the seed file; the first record of all
	recordEvent   byte = 2 // ledger.AppendEvent
)

func genesisRecord(seed [sha256.Size]byte) []byte {
	return append([]byte{recordGenesis}, seed[:]...)
}

// appendEventRecord appends the record of an event; reason is that of a bust.
func appendEventRecord(dst []byte, e *ledger.Event, reason string) []byte {
	return ledger.AppendEvent(append(dst, recordEvent), e, reason)
}

// decodeEvent returns the event of a record; ok is false for a genesis record.
func decodeEvent(record []byte) (e ledger.Event, reason string, ok bool, err error) {
	switch {
	case len(record) > 0 && record[0] == recordEvent:
		e, reason, used, err := ledger.DecodeEvent(record[1:])
		if err == nil && used != len(record)-1 {
			err = ledger.ErrMalformed
		}
		return e, reason, true, err
	case len(record) == 1+sha256.Size && record[0] == recordGenesis:
		return ledger.Event{}, "", false, nil
	default:
		return ledger.Event{}, "", false, fmt.Errorf("desk: journal record of an unknown kind: %w", ledger.ErrMalformed)
	}
}
