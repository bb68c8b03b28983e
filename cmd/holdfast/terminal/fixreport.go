package terminal

import (
	"fmt"
	"slices"
	"strings"

	codecfix "holdfast/codec/fix"
	"holdfast/perf/table"
)

// fixOrder is an order that this terminal has sent, or of which it has a report.
type fixOrder struct {
	name, id     string // ClOrdID, OrderID
	market, code string
	side         byte
	quantity     string
	price, stop  string
	status       string // in words
	filled, left string
}

// find returns the order with a ClOrdID or OrderID, or nil. The caller holds mu.
func (sh *fixShell) find(id string) *fixOrder {
	for _, o := range slices.Backward(sh.orders) {
		if id != "" && (o.name == id || o.id == id) {
			return o
		}
	}
	return nil
}

// show returns the text for an application message. The caller holds mu.
func (sh *fixShell) show(m *codecfix.Message) string {
	get := func(tag int) string { v, _ := m.Get(tag); return string(v) }
	switch string(m.Type) {
	case codecfix.ExecutionReport:
		return sh.reported(m, get)
	case codecfix.OrderCancelReject:
		return sh.o.Style(Red, fmt.Sprintf("  %s of %s refused: %s", table.Escape(get(codecfix.ClOrdID)), table.Escape(get(codecfix.OrigClOrdID)), textOf(m))) + "\n"
	case codecfix.OrderMassCancelReport:
		if get(codecfix.MassCancelResult) == "0" {
			return sh.o.Style(Red, "  refused: "+textOf(m)) + "\n"
		}
		return "  cancelled: " + table.Escape(get(codecfix.TotalAffected)) + " orders\n"
	case "j":
		return sh.o.Style(Red, "  refused: "+textOf(m)) + "\n"
	}
	return "  " + sh.fields(m) + "\n"
}

// fields returns the body of a message with the names of its fields.
func (sh *fixShell) fields(m *codecfix.Message) string {
	words := []string{sh.dictionary.MessageName(m.Type)}
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		switch f.Tag {
		case codecfix.MsgSeqNum, codecfix.SenderCompID, codecfix.TargetCompID, codecfix.SendingTime, codecfix.PossDupFlag, codecfix.OrigSendingTime:
			continue
		}
		word := fmt.Sprintf("%s=%s", sh.dictionary.Name(f.Tag), f.Value)
		if meaning := sh.dictionary.Meaning(f.Tag, f.Value); meaning != "" {
			word += " " + meaning
		}
		words = append(words, word)
	}
	return table.Escape(strings.Join(words, ", "))
}

// reported takes a report and returns its text, such as
//
//	100001-7 a1: buy 100 ALFA/600100 @ 9.5, NEW, 0 filled, 100 left
//	100001-7 a1: TRADE 40 @ 9.49, PARTIALLY_FILLED, 40 filled, 60 left
func (sh *fixShell) reported(m *codecfix.Message, get func(int) string) string {
	id, name := get(codecfix.OrderID), get(codecfix.ClOrdID)
	execType, status := get(codecfix.ExecType), get(codecfix.OrdStatus)
	if execType == "8" {
		if o := sh.find(name); o != nil && o.id == "" {
			o.status = sh.dictionary.Meaning(codecfix.OrdStatus, []byte(status))
		}
		return sh.o.Style(Red, fmt.Sprintf("  %s rejected: %s", table.Escape(name), textOf(m))) + "\n"
	}
	o := sh.find(id)
	if o == nil {
		if o = sh.find(name); o == nil || o.id != "" {
			o = &fixOrder{name: name}
			sh.orders = append(sh.orders, o)
		}
	}
	if get(codecfix.OrigClOrdID) == "" || execType == "5" {
		o.name = name // else it is that of a cancel
	}
	o.id, o.market, o.code, o.side = id, get(codecfix.SecurityExchange), get(codecfix.Symbol), (get(codecfix.Side) + "?")[0]
	o.quantity, o.price, o.stop = get(codecfix.OrderQty), get(codecfix.Price), get(codecfix.StopPx)
	o.filled, o.left = get(codecfix.CumQty), get(codecfix.LeavesQty)
	o.status = sh.dictionary.Meaning(codecfix.OrdStatus, []byte(status))
	what := o.terms()
	if quantity := get(codecfix.LastQty); quantity != "" {
		what = fmt.Sprintf("%s %s @ %s", sh.dictionary.Meaning(codecfix.ExecType, []byte(execType)), quantity, get(codecfix.LastPx))
	}
	text := fmt.Sprintf("%s %s: %s, %s, %s filled, %s left", id, o.name, what, o.status, o.filled, o.left)
	if why := get(codecfix.Text); why != "" {
		text += ": " + why
	}
	if get(codecfix.PossDupFlag) == "Y" {
		text += " (sent before)"
	}
	return "  " + table.Escape(text) + "\n"
}

// terms returns "buy 100 ALFA/600100 @ 9.5".
func (o *fixOrder) terms() string {
	side := "buy"
	if o.side == '2' {
		side = "sell"
	}
	key := o.code
	if o.market != "" {
		key = o.market + "/" + o.code
	}
	text := side + " " + o.quantity + " " + key
	if o.price != "" {
		text += " @ " + o.price
	}
	if o.stop != "" {
		text += " stop " + o.stop
	}
	return text
}
