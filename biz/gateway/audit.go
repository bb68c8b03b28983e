package gateway

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Limits of the entries for people without the operator role, so that they can't fill the disk: what
// one customer, and what all of them together, get at once and later. Others are only counted.
const (
	attemptsAtOnce    = 10
	attemptsEvery     = time.Minute
	allAttemptsAtOnce = 100
	allAttemptsEvery  = 2 * time.Second
)

// attempts limits the entries for people without the operator role.
type attempts struct {
	mu  sync.Mutex
	all *rate.Limiter
	of  map[ledger.Customer]*attemptsOf // that have attempted something
}

type attemptsOf struct {
	limit    *rate.Limiter
	unlisted uint32
}

// allow reports whether the customer gets one more entry, and how many attempts it had since its last
// one that have none.
func (t *attempts) allow(c ledger.Customer, now time.Time) (unlisted uint32, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = make(map[ledger.Customer]*attemptsOf)
		t.all = rate.NewLimiter(rate.Every(allAttemptsEvery), allAttemptsAtOnce)
	}
	of := t.of[c]
	if of == nil {
		of = &attemptsOf{limit: rate.NewLimiter(rate.Every(attemptsEvery), attemptsAtOnce)}
		t.of[c] = of
	}
	if !of.limit.AllowN(now, 1) || !t.all.AllowN(now, 1) {
		of.unlisted++
		return 0, false
	}
	unlisted, of.unlisted = of.unlisted, 0
	return unlisted, true
}

// audit is the entry that an operator's command gets in the journal with its reply.
type audit struct {
	gateway *Gateway
	entry   desk.Audit
}

// audited returns an audit of a command of the account, which m describes.
func (g *Gateway) audited(c *engine.Context, asking *account, command string, m protoreflect.Message) *audit {
	address := ""
	if a := c.Session.RemoteAddr(); a != nil {
		address = a.String()
	}
	return &audit{gateway: g, entry: desk.Audit{
		Customer: asking.Customer(), Name: asking.Owner().Name, Session: uint64(c.Session.ID()), Address: address,
		Command: command, Text: parameters(m),
	}}
}

// forbid refuses a command of people without the role. A few of them get an entry.
func (g *Gateway) forbid(q asked, asking *account, message string) {
	if q.audit != nil {
		unlisted, ok := g.attempts.allow(asking.Customer(), g.config.Now())
		if q.audit.entry.Unlisted = unlisted; !ok {
			q.audit = nil
		}
	}
	q.reply(codec.ResultForbidden, &pb.Error{Message: message})
}

// outcome returns the entry with the reply, which leaves now.
func (a *audit) outcome(r codec.Result, body codec.Body) *desk.Audit {
	a.entry.Time, a.entry.Result = a.gateway.config.Now().UnixNano(), r.String()
	switch body := body.(type) {
	case *pb.Error:
		if body.Reason != 0 {
			a.entry.Result += " " + strings.TrimPrefix(body.Reason.String(), "REASON_")
		}
		a.entry.Message = body.Message
	case *pb.BustReply:
		a.entry.Message = fmt.Sprintf("executions=%d accounts=%d refused=%d", body.Count, body.Accounts, len(body.Refused))
	case *pb.CancelOrderReply:
		a.entry.Message = fmt.Sprintf("orders=%d", body.Count)
	case *pb.OperateReply:
		switch {
		case body.Reloaded != nil:
			a.entry.Message = parameters(body.Reloaded.ProtoReflect())
		case body.Count != 0:
			a.entry.Message = fmt.Sprintf("count=%d", body.Count)
		}
	}
	return &a.entry
}

// record adds the entry to the journal, before the reply. A nil audit records nothing.
func (a *audit) record(r codec.Result, body codec.Body) {
	if a != nil {
		a.gateway.desk.RecordAudit(a.outcome(r, body))
	}
}

// recorded records the reply that q gets next and returns when that, and everything before it, is
// durable. Goroutine: one that may block.
func (g *Gateway) recorded(q *asked, r codec.Result, body codec.Body) error {
	q.audit.record(r, body)
	q.audit = nil
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	return g.desk.Durable(ctx)
}

// parameters returns the fields of a message that are set, for people: name=value.
func parameters(m protoreflect.Message) string {
	var b strings.Builder
	fields := m.Descriptor().Fields()
	for n := range fields.Len() {
		f := fields.Get(n)
		if name := string(f.Name()); m.Has(f) && !f.IsList() && name != "history_id" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(name + "=" + parameter(name, f, m.Get(f)))
		}
	}
	return b.String()
}

func parameter(name string, f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case f.Kind() == protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return strings.TrimPrefix(string(e.Name()), "REASON_")
		}
		return fmt.Sprint(v.Enum())
	case f.Kind() == protoreflect.StringKind:
		if text := v.String(); strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || !strconv.IsPrint(r) }) {
			return strconv.Quote(text)
		}
		return v.String()
	case name == "amount":
		return ledger.Money(v.Int()).String()
	case name == "price":
		return ledger.Price(v.Int()).String()
	case name == "duration":
		return time.Duration(v.Int()).String()
	case name == "from" || name == "to":
		return time.Unix(0, v.Int()).UTC().Format(time.RFC3339Nano)
	case name == "execution_id":
		return ledger.ExecutionID(v.Uint()).String()
	case name == "order_id":
		return ledger.OrderID(v.Uint()).String()
	}
	return fmt.Sprint(v.Interface())
}

// entries lists a page of the entries.
func (o *operation) entries(r *pb.AuditCommand) error {
	page, more, err := o.desk.Audits(o.ctx, desk.AuditQuery{
		Before: r.Before, Limit: pageRows(r.Limit), Customer: ledger.Customer(r.Customer), Command: r.Command, From: r.FromTime, To: r.ToTime,
	})
	if err != nil {
		return err
	}
	var size pageBytes
	o.reply.More = more
	for i := range page {
		a := &page[i]
		entry := &pb.AuditEntry{
			Number: a.Number, Time: a.Time, Customer: uint32(a.Customer), Name: a.Name, Uid: a.Session, Address: a.Address,
			Command: a.Command, Text: a.Text, Result: a.Result, Message: a.Message, Unlisted: a.Unlisted,
		}
		if !size.add(entry) {
			o.reply.More = true
			break
		}
		o.reply.Entries = append(o.reply.Entries, entry)
	}
	return nil
}
