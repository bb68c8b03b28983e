package inspect

import (
	"fmt"
	"strings"
)

// maxNames is how many instruments a line names.
const maxNames = 5

// String returns the record as a readable line.
func (r Record) String() string {
	start := fmt.Sprintf("%d %d ", r.Batch, r.Record)
	switch r.Kind {
	case "seed":
		return start + "seed " + r.Seed
	case "history":
		return start + "history " + r.History
	case "script":
		return start + fmt.Sprintf("%s script %s, %d events executed", r.Time, r.Script, r.Done)
	case "audit":
		a := r.Audit
		text := fmt.Sprintf("%s%s audit customer %d (%q) session %d from %s: %s: %s", start, r.Time, r.Customer, a.Name, a.Session, a.Address, strings.TrimSpace(a.Command+" "+a.Text), a.Result)
		if a.Message != "" {
			text += fmt.Sprintf(", %q", a.Message)
		}
		if a.Unlisted > 0 {
			text += fmt.Sprintf(", %d attempts before it are not listed", a.Unlisted)
		}
		return text
	case "fence":
		return start + fmt.Sprintf("fence of node %q, which has taken over", r.Node)
	case "sequence":
		return start + r.sequenceText()
	case "instruments":
		first, last := r.Instruments[0], r.Instruments[len(r.Instruments)-1]
		return start + fmt.Sprintf("instruments %d, #%d %s to #%d %s", len(r.Instruments), first.Number, first.Instrument, last.Number, last.Instrument)
	case "customers":
		first, last := r.Customers[0], r.Customers[len(r.Customers)-1]
		return start + fmt.Sprintf("customers %d, %d to %d", len(r.Customers), first.Customer, last.Customer)
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s%s %s", start, r.Time, r.Kind)
	switch {
	case len(r.Prices) > 0:
		writePrices(b, r.Prices)
	case r.Order == "":
		fmt.Fprintf(b, " customer %d", r.Customer)
		r.writeReason(b)
	default:
		r.writeOrder(b)
		r.writeReason(b)
	}
	if r.Parts > 1 {
		fmt.Fprintf(b, ", part %d/%d", r.Part, r.Parts)
	}
	return b.String()
}

// sequenceText returns "sequence customer 100001 "TRADER": in 7, out 300, from event 5 on its number +2".
func (r *Record) sequenceText() string {
	s := r.Sequence
	text := fmt.Sprintf("sequence customer %d %q:", r.Customer, s.Name)
	if s.Reset {
		text += " reset,"
	}
	text += fmt.Sprintf(" in %d, out %d", s.In, s.Out)
	if s.FromEvent > 0 {
		text += fmt.Sprintf(", from event %d on its number %+d", s.FromEvent, s.Offset)
	}
	if s.Kept > 0 {
		text += fmt.Sprintf(", message %d kept, %d bytes", s.Kept, s.KeptBytes)
	}
	return text
}

func writePrices(b *strings.Builder, prices []Price) {
	for n, p := range prices {
		if n == maxNames {
			fmt.Fprintf(b, ", and %d more", len(prices)-n)
			return
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(" " + p.Instrument)
		if p.Price != "" {
			b.WriteString(" at " + p.Price)
		}
	}
}

// writeOrder writes execution and order.
func (r *Record) writeOrder(b *strings.Builder) {
	o := r.Terms
	if r.Execution != "" {
		fmt.Fprintf(b, " %s order %s %s %d %s at %s id %q", r.Execution, r.Order, r.Side, r.Quantity, r.Instrument, r.Price, r.ClientOrderID)
	} else {
		fmt.Fprintf(b, " order %s %s %d %s id %q", r.Order, r.Side, o.Quantity, r.Instrument, r.ClientOrderID)
	}
	if r.Corrects != "" {
		b.WriteString(" corrects " + r.Corrects)
	}
	if r.Fee != "" {
		b.WriteString(" fee " + r.Fee)
	}
	if o == nil {
		return
	}
	b.WriteString(", type " + o.Type)
	if o.Limit != "" {
		b.WriteString(", limit " + o.Limit)
	}
	if o.Stop != "" {
		b.WriteString(", stop " + o.Stop)
	}
	fmt.Fprintf(b, ", %s, status %s, filled %d, leaves %d", o.TimeInForce, o.Status, o.Filled, o.Leaves)
	if o.Cause != "" {
		b.WriteString(", cause " + o.Cause)
	}
}

// writeReason writes the amount and the reason of what is no fill.
func (r *Record) writeReason(b *strings.Builder) {
	if r.Amount != "" {
		b.WriteString(", amount " + r.Amount)
	}
	if r.Reason != "" || r.Kind == "bust" {
		fmt.Fprintf(b, ", reason %q", r.Reason)
	}
}
