package history

import (
	"context"
	"encoding/binary"
	"fmt"
)

// Audit is a command of an operator, or of one who lacks the role and was refused.
type Audit struct {
	// Number is that of its record in the journal: it rises from audit to audit.
	Number   uint64
	Time     int64 // Unix nanoseconds
	Customer uint32
	Name     string
	Session  uint64
	Address  string
	Command  string
	Text     string
	Result   string
	Message  string
	Unlisted uint32
}

// AuditQuery selects a page of audits.
type AuditQuery struct {
	// Before selects numbers below this one; 0 starts with the newest.
	Before uint64
	// Limit is as in Query.
	Limit int
	// Customer is the only one whose audits are selected; 0: all.
	Customer uint32
	// Command is the only kind that is selected; "": all.
	Command string
	// From and To are Unix nanoseconds: From <= Time < To; 0 is no limit.
	From, To int64
}

// checksum covers every column of the row.
func (a *Audit) checksum() uint32 {
	var b []byte
	for _, n := range [...]uint64{a.Number, uint64(a.Time), a.Session} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, a.Customer), a.Unlisted)
	for _, text := range [...]string{a.Name, a.Address, a.Command, a.Text, a.Result, a.Message} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return checksum(b)
}

// InsertAudit adds an audit to the transaction. An audit with its number that is there already stays.
func (s *Store) InsertAudit(a *Audit) error {
	if !s.open {
		return ErrNoTransaction
	}
	if a.Number == 0 {
		return fmt.Errorf("%w: audit without a number", ErrInvalid)
	}
	s.next.audits = append(s.next.audits, *a)
	return nil
}

// Audits returns a page of the audits, newest first; more is true if there are older ones. For the
// next page, set Before to the number of the last one. There is no index but that by number: a query
// for rare ones reads all.
func (s *Store) Audits(ctx context.Context, q AuditQuery) (page []Audit, more bool, err error) {
	limit := pageSize(q.Limit)
	err = s.read(ctx, func(v view) error {
		return v.audits(q, limit+1, func(a *Audit) error {
			page = append(page, *a)
			return nil
		})
	})
	if err != nil {
		return nil, false, err
	}
	if more = len(page) > limit; more {
		page = page[:limit]
	}
	return page, more, nil
}
