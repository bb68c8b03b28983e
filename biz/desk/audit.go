package desk

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// Audit is a command of an operator, or of one who lacks the role and was refused. No account depends
// on it.
type Audit struct {
	Number   uint64 // of its record in the journal; only Desk.Audits sets it
	Time     int64  // Unix nanoseconds, of the server's clock
	Customer ledger.Customer
	Name     string // of the customer
	Session  uint64
	Address  string // of the client
	Command  string // its kind
	Text     string // its parameters
	Result   string
	Message  string // what the reply says
	// Unlisted is how many attempts of the customer since its audit before have none.
	Unlisted uint32
}

// Limits of the texts of an Audit, in bytes; longer ones are cut.
const (
	maxAuditName = 255
	maxAuditText = 1024
	maxAuditSize = 4*maxAuditName + 2*maxAuditText + 64
)

// texts returns the texts with their limits, in the order of the record.
func (a *Audit) texts() [6]limited {
	return [...]limited{
		{&a.Name, maxAuditName}, {&a.Address, maxAuditName}, {&a.Command, maxAuditName}, {&a.Result, maxAuditName},
		{&a.Text, maxAuditText}, {&a.Message, maxAuditText},
	}
}

type limited struct {
	text *string
	most int
}

func (a *Audit) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.Time))
	dst = binary.AppendUvarint(appendUint(appendUint(dst, a.Customer), int(a.Unlisted)), a.Session)
	for _, l := range a.texts() {
		text := cut(*l.text, l.most)
		dst = append(appendUint(dst, len(text)), text...)
	}
	return dst
}

// cut returns valid text of at most that many bytes.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	const mark = "..."
	for most -= len(mark); !utf8.RuneStart(text[most]); {
		most--
	}
	return text[:most] + mark
}

func (f *fields) audit() *Audit {
	a := &Audit{
		Time: int64(binary.BigEndian.Uint64(f.bytes(8))), Customer: ledger.Customer(f.upTo(math.MaxUint32)),
		Unlisted: uint32(f.upTo(math.MaxUint32)), Session: f.upTo(math.MaxUint64),
	}
	for _, l := range a.texts() {
		*l.text = string(f.bytes(int(f.upTo(uint64(l.most)))))
		if !utf8.ValidString(*l.text) {
			f.fail()
		}
	}
	return a
}

// RecordAudit adds an audit to the journal and does not wait until it is durable. Goroutine: any.
func (d *Desk) RecordAudit(a *Audit) {
	if d.group != nil {
		d.group.add([]Entry{{Audit: a}})
	}
}

// RecordAudit adds an audit to what the turn has caused: both become durable in one piece. A turn has
// one.
func (t *Turn) RecordAudit(a *Audit) { t.audit = a }

// AuditQuery selects a page of the audits.
type AuditQuery struct {
	Before   uint64          // numbers below this one; 0: from the newest on
	Limit    int             // 1 to history.MaxLimit; 0: history.DefaultLimit
	Customer ledger.Customer // 0: all
	Command  string          // "": all
	From, To int64           // From <= Time < To; 0: any
}

// Audits returns a page of the audits, newest first; more is true if there are older ones. They are
// those of the history, once it has everything that is durable now. Errors are those of Executions.
func (d *Desk) Audits(ctx context.Context, q AuditQuery) (page []Audit, more bool, err error) {
	if err := d.rlockHistory(ctx); err != nil {
		return nil, false, d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	rows, more, err := d.history.Audits(ctx, history.AuditQuery{
		Before: q.Before, Limit: q.Limit, Customer: uint32(q.Customer), Command: q.Command, From: q.From, To: q.To,
	})
	for i := range rows {
		r := &rows[i]
		page = append(page, Audit{
			Number: r.Number, Time: r.Time, Customer: ledger.Customer(r.Customer), Name: r.Name, Session: r.Session, Address: r.Address,
			Command: r.Command, Text: r.Text, Result: r.Result, Message: r.Message, Unlisted: r.Unlisted,
		})
	}
	return page, more, d.historyError(err)
}

// auditRow returns the history's row for an audit. number is that of its record in the journal.
func auditRow(number uint64, a *Audit) history.Audit {
	return history.Audit{
		Number: number, Time: a.Time, Customer: uint32(a.Customer), Name: a.Name, Session: a.Session, Address: a.Address,
		Command: a.Command, Text: a.Text, Result: a.Result, Message: a.Message, Unlisted: a.Unlisted,
	}
}
