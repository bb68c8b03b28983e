package terminal

import (
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/rivo/uniseg"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// The fields of a ticket.
const (
	fieldInstrument = iota
	fieldQuantity
	fieldLimit
	fieldStop
	fieldInForce
	fieldCount
)

// maxField is the longest text of a field, in characters.
const maxField = 40

// ticket is an order that is being typed.
type ticket struct {
	side   client.Side
	fields [fieldCount]string
	at     int // the field that is being typed
	// unclear is an order with these fields that may have been accepted; zero: none. To send it
	// again does no harm.
	unclear client.Order
}

// ticketField describes a field.
type ticketField struct{ name, hint string }

func ticketFields() [fieldCount]ticketField {
	return [fieldCount]ticketField{
		{"instrument", "the code, or MARKET/CODE"}, {"quantity", "shares"}, {"limit", "empty: at the market"},
		{"stop", "empty: at once"}, {"in force", "day, gtc, ioc or fok"},
	}
}

// newTicket returns a ticket for the instrument that is selected.
func (m *watchModel) newTicket(side client.Side) *ticket {
	t := &ticket{side: side}
	t.fields[fieldInForce] = "day"
	if l := &m.lists[m.focus]; l.at < m.count(m.focus) {
		key := m.instrumentOf(m.focus, l.at)
		if t.fields[fieldInstrument] = key.String(); m.codes[key.Code] == 1 {
			t.fields[fieldInstrument] = key.Code
		}
		t.at = fieldQuantity
	}
	return t
}

// insert adds what was typed or pasted to the field.
func (t *ticket) insert(text string) {
	text = strings.Join(strings.Fields(text), " ")
	if field := &t.fields[t.at]; len(*field)+len(text) <= maxField {
		*field += text
	}
}

// typeTicket handles a key while an order is being typed.
func (m *watchModel) typeTicket(key tea.KeyPressMsg) tea.Cmd {
	t := m.ticket
	m.say("", "")
	switch key.String() {
	case "esc":
		m.ticket = nil
	case "enter":
		m.review()
	case "tab", "down":
		t.at = (t.at + 1) % fieldCount
	case "shift+tab", "up":
		t.at = (t.at + fieldCount - 1) % fieldCount
	case "backspace":
		t.fields[t.at] = withoutLast(t.fields[t.at])
	case "ctrl+u":
		t.fields[t.at] = ""
	default:
		t.insert(key.Text)
	}
	return nil
}

// withoutLast returns text without its last character.
func withoutLast(text string) string {
	last := 0
	for rest, state := text, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		last = len(cluster)
	}
	return text[:len(text)-last]
}

// review checks the ticket, and asks whether to send it.
func (m *watchModel) review() {
	o, field, err := m.order(m.ticket)
	if err != nil {
		m.ticket.at = field
		m.say(Red, OneLine(err.Error()))
		return
	}
	words := m.orderWords(o)
	text := "send: " + words + "?"
	if again := m.ticket.unclear; sameOrder(o, again) {
		o.ClientOrderID = again.ClientOrderID
		text = "send again: " + words + "? It is executed once."
	} else {
		o.ClientOrderID = client.NewClientOrderID()
	}
	m.ask = &question{text, func() tea.Cmd {
		m.sending[o.ClientOrderID] = words
		m.ticket = nil
		m.say("", "sent: "+words)
		trader := m.trader
		return func() tea.Msg {
			placed, err := trader.place(o)
			return placedMsg{o, placed, err}
		}
	}}
}

// sameOrder reports whether two orders differ only in their ids.
func sameOrder(x, y client.Order) bool {
	x.ClientOrderID, y.ClientOrderID = "", ""
	return x == y
}

// order returns the order of a ticket, or the field that is wrong.
func (m *watchModel) order(t *ticket) (o client.Order, field int, err error) {
	key, err := m.find(t.fields[fieldInstrument])
	if err != nil {
		return o, fieldInstrument, err
	}
	quantity, err := parseQuantity(t.fields[fieldQuantity])
	if err != nil {
		return o, fieldQuantity, err
	}
	var terms terms
	if text := t.fields[fieldLimit]; text != "" {
		if terms.price, err = parsePrice(text); err != nil {
			return o, fieldLimit, err
		}
	}
	if text := t.fields[fieldStop]; text != "" {
		if terms.stop, err = parsePrice(text); err != nil {
			return o, fieldStop, err
		}
	}
	if terms.inForce, err = parseInForce(t.fields[fieldInForce]); err != nil {
		return o, fieldInForce, err
	}
	return client.Order{
		Side: t.side, Key: key, Quantity: quantity, Type: terms.orderType(),
		Price: terms.price, Stop: terms.stop, TimeInForce: terms.inForce,
	}, 0, nil
}

// parseInForce reads a time in force that needs no date.
func parseInForce(text string) (client.TimeInForce, error) {
	t, err := parseTerms([]string{text})
	if err != nil || t.inForce == 0 || t.inForce == client.GoodTillDate {
		return 0, fmt.Errorf("%q is not one of day, gtc, ioc, fok", text)
	}
	return t.inForce, nil
}

// find returns the instrument that a text names.
func (m *watchModel) find(text string) (client.Key, error) {
	found := (&shell{market: m.market}).named(text)
	switch len(found) {
	case 0:
		return client.Key{}, fmt.Errorf("unknown instrument %q", text)
	case 1:
		return found[0], nil
	}
	return client.Key{}, fmt.Errorf("%q is ambiguous: use %s or %s", text, found[0], found[1])
}

// orderWords returns "buy 100 ALFA/600100 @ 9.90, limit, day, value 990.00", escaped.
func (m *watchModel) orderWords(o client.Order) string {
	state := client.OrderState{Side: o.Side, Quantity: o.Quantity, Key: o.Key, Price: o.Price, Stop: o.Stop}
	text := fmt.Sprintf("%s %s %s%s, %s, %s", state.Side, state.Quantity, keyText(state.Key), priceText(state), o.Type, o.TimeInForce)
	price := o.Price
	if price == 0 {
		price = m.lastPrice(o.Key)
	}
	if price > 0 && o.Quantity <= client.Quantity(1<<62)/client.Quantity(price) {
		text += ", value " + client.Value(o.Quantity, price).String()
	}
	return text
}

// lastPrice returns the last price as far as it is shown; 0 without one.
func (m *watchModel) lastPrice(key client.Key) client.Price {
	if p, found := m.shown.Find(key); found {
		return p.LastPrice
	}
	if i := instrumentIn(m.market, key); i != nil {
		return i.LastPrice
	}
	return 0
}

// placedMsg is the outcome of an order.
type placedMsg struct {
	order  client.Order
	placed client.Placed
	err    error
}

// placed shows the outcome of an order. One that was refused comes back to be changed.
func (m *watchModel) placed(p placedMsg) {
	delete(m.sending, p.order.ClientOrderID)
	if p.err == nil {
		m.say(Green, placedText(p))
		return
	}
	why := OneLine(Advise(p.err).Error())
	var refused *client.Error
	isRefusal := errors.As(p.err, &refused)
	if m.ticket == nil {
		m.ticket = ticketOf(p.order)
		if !isRefusal {
			m.ticket.unclear = p.order
		}
	}
	if isRefusal {
		m.say(Red, "refused: "+why)
	} else {
		m.say(Red, "it may have been accepted: send it again, or look at orders and tape; "+why)
	}
}

// ticketOf returns the ticket of an order.
func ticketOf(o client.Order) *ticket {
	t := &ticket{side: o.Side, at: fieldQuantity}
	plain := func(p client.Price) string {
		if p == 0 {
			return ""
		}
		return strings.ReplaceAll(p.String(), ",", "")
	}
	short := map[client.TimeInForce]string{client.Day: "day", client.GoodTillCancelled: "gtc", client.ImmediateOrCancel: "ioc", client.FillOrKill: "fok"}
	t.fields = [fieldCount]string{
		o.Key.String(), strings.ReplaceAll(o.Quantity.String(), ",", ""), plain(o.Price), plain(o.Stop), short[o.TimeInForce],
	}
	return t
}

// placedText returns "order #17: buy 100 ALFA/600100 @ 9.90, partially filled, 40 filled".
func placedText(p placedMsg) string {
	o := client.OrderState{
		ID: p.placed.Order, Side: p.order.Side, Quantity: p.order.Quantity, Key: p.order.Key, Price: p.order.Price, Stop: p.order.Stop,
		Status: p.placed.Status, Filled: p.placed.Filled, Cause: p.placed.Cause,
	}
	text := orderInWords(o) + ", " + ended(o)
	if p.placed.AveragePrice > 0 {
		text += " @ " + p.placed.AveragePrice.String()
	}
	if p.placed.Duplicate {
		text = "it had been accepted: " + text
	}
	return text
}

// ticketLines returns the ticket in at most a number of lines, and where the cursor is. A title
// and all fields need seven lines.
func (m *watchModel) ticketLines(limit int) (lines []string, x, y int) {
	t := m.ticket
	fields := ticketFields()
	first, last := 0, fieldCount
	if limit < fieldCount {
		first = min(t.at, fieldCount-1)
		last = first + 1
	}
	side := strings.ToUpper(t.side.String())
	if limit > last-first {
		lines = append(lines, partsLine(m.style, invert+sideStyle(t.side), m.width, []part{{" " + side, bold, 0}, {m.ticketText(t), "", 1}}))
	}
	for i := first; i < last; i++ {
		mark, style := "  ", ""
		if i == t.at {
			mark, style = "> ", bold
		}
		start := fmt.Sprintf("%s%-10s ", mark, fields[i].name)
		if m.width < leastWidth {
			start = cutTo(fields[i].name[:3]+" ", m.width)
		}
		value := endOf(table.Escape(t.fields[i]), m.width-len(start)-1)
		if i == t.at {
			x, y = len(start)+table.Width(value), len(lines)
		}
		line := m.style(style, start) + value
		if left := m.width - len(start) - max(table.Width(value), 12) - 3; left >= len(fields[i].hint) {
			line += strings.Repeat(" ", max(12-table.Width(value), 0)+2) + m.style(Faint, fields[i].hint)
		}
		lines = append(lines, line)
	}
	return lines, max(min(x, m.width-1), 0), y
}

// endOf returns the end of text that fits into a width.
func endOf(text string, width int) string {
	for text != "" && table.Width(text) > width {
		_, rest, _, _ := uniseg.FirstGraphemeClusterInString(text, -1)
		text = rest
	}
	return text
}

// ticketText describes the instrument of a ticket, escaped; "" if there is no such one.
func (m *watchModel) ticketText(t *ticket) string {
	key, err := m.find(t.fields[fieldInstrument])
	if err != nil {
		return ""
	}
	return m.instrumentText(key)
}

// instrumentText describes an instrument, escaped.
func (m *watchModel) instrumentText(key client.Key) string {
	i := instrumentIn(m.market, key)
	text := fmt.Sprintf("%s %s, last %s, lot %s", keyText(key), table.Escape(i.Name), m.lastPrice(key), i.LotSize)
	if i.HighPrice > 0 {
		text += fmt.Sprintf(", %s to %s", i.LowPrice, i.HighPrice)
	}
	if i.Halted {
		text += ", halted"
	}
	if p, found := m.shown.Find(key); found {
		text += ", " + p.Sellable.String() + " sellable"
	}
	return text
}
