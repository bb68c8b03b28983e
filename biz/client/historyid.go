package client

import (
	"encoding/hex"
	"fmt"
	"strings"

	"holdfast/codec/pb"
)

// HistoryID names the history of a server: what it has in its journal from the first event
// on. A server that starts with an empty data folder has another history, in which push
// numbers, execution ids and client order ids start again. The zero value means that the
// history is not named, as by servers of earlier versions.
type HistoryID [16]byte

// String returns the id in hex, or "" if it is zero.
func (h HistoryID) String() string {
	if h == (HistoryID{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// wire returns the id as the protocol has it.
func (h HistoryID) wire() []byte {
	if h == (HistoryID{}) {
		return nil
	}
	return h[:]
}

// decodeHistoryID decodes an id.
func decodeHistoryID(b []byte) (HistoryID, error) {
	switch len(b) {
	case 0:
		return HistoryID{}, nil
	case len(HistoryID{}):
		return HistoryID(b), nil
	}
	return HistoryID{}, fmt.Errorf("%w: a history id of %d bytes", ErrProtocol, len(b))
}

// SnapshotReason says why a login did not resume. The numbers are those of the protocol.
type SnapshotReason int32

// The reasons for a snapshot. It is 0 if the login resumed or did not ask to, or if the
// server does not say.
const (
	// SnapshotNoHistoryID: the view was made with a server that did not name its history.
	SnapshotNoHistoryID SnapshotReason = 1
	// SnapshotHistoryReset: the server was reset. Earlier orders and executions are gone,
	// and client order ids are no longer recognised.
	SnapshotHistoryReset SnapshotReason = 2
	// SnapshotTooOld: too many pushes were missed.
	SnapshotTooOld SnapshotReason = 3
	// SnapshotAhead: the view has seen pushes that the account never made. The server may
	// have lost a part of its data.
	SnapshotAhead SnapshotReason = 4
)

// String returns the protocol's name of the reason: "HISTORY_RESET".
func (r SnapshotReason) String() string {
	return strings.TrimPrefix(pb.SnapshotReason(r).String(), "SNAPSHOT_REASON_")
}

// Text returns the reason in words, as a program shows it.
func (r SnapshotReason) Text() string {
	switch r {
	case SnapshotNoHistoryID:
		return "the server can't tell which pushes were missed"
	case SnapshotHistoryReset:
		return "the server was reset: earlier orders and executions are gone"
	case SnapshotAhead:
		return "the server lacks changes that were shown before: check its data folder"
	case SnapshotTooOld:
		return "too many pushes were missed to show them"
	default: // also from a view without any push
		return "what was missed is not shown"
	}
}
