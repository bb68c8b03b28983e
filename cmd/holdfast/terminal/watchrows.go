package terminal

import (
	"fmt"
	"strings"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// pane is one of the lists of a watch.
type pane int

const (
	panePositions pane = iota
	paneOrders
	paneTape
	panePrices // only after the key p
	paneCount
)

// title is the name of a pane.
func (p pane) title() string { return [paneCount]string{"POSITIONS", "ORDERS", "TAPE", "PRICES"}[p] }

// empty is what a pane says without rows.
func (p pane) empty() string {
	return [paneCount]string{"no positions", "no working orders", "no executions", "no instruments"}[p]
}

// paneColumns returns the columns of a pane. The title is the head of the first one.
func paneColumns(p pane) []gridColumn {
	switch p {
	case panePositions:
		return []gridColumn{
			{short: 7}, {head: "NAME", flex: true, drop: 9}, {head: "SHARES", right: true}, {head: "SELLABLE", right: true, drop: 4},
			{head: "FROZEN", right: true, drop: 6}, {head: "COST", right: true, drop: 5}, {head: "LAST", right: true, drop: 2},
			{head: "VALUE", right: true, drop: 3}, {head: "PROFIT", right: true, drop: 1}, {head: "REALISED", right: true, drop: 8},
		}
	case paneOrders:
		return []gridColumn{
			{}, {head: "SIDE"}, {head: "INSTRUMENT", short: 6}, {head: "SHARES", right: true, drop: 3}, {head: "FILLED", right: true, drop: 4},
			{head: "LEFT", right: true}, {head: "LIMIT", right: true}, {head: "STOP", right: true, drop: 1}, {head: "STATUS", short: 5, drop: 2},
			{head: "IN FORCE", drop: 7}, {head: "TIME", drop: 8},
		}
	case panePrices:
		return []gridColumn{
			{short: 7}, {head: "NAME", flex: true, drop: 3}, {head: "LAST", right: true}, {head: "CHANGE", right: true, drop: 1},
			{head: "LOWEST", right: true, drop: 5}, {head: "HIGHEST", right: true, drop: 5}, {head: "LOT", right: true, drop: 6}, {drop: 2},
		}
	default:
		return []gridColumn{
			{}, {head: "ID", drop: 1}, {head: "TIME", drop: 4}, {head: "SIDE"}, {head: "SHARES", right: true}, {head: "INSTRUMENT", short: 6},
			{head: "PRICE", right: true}, {head: "VALUE", right: true, drop: 5}, {head: "", flex: true, drop: 7},
		}
	}
}

// count returns how many rows a pane has.
func (m *watchModel) count(p pane) int {
	switch p {
	case panePositions:
		return len(m.shown.Positions)
	case paneOrders:
		return len(m.shown.Orders)
	case panePrices:
		return len(m.market)
	default:
		return len(m.shown.Executions)
	}
}

// rowKey returns what names a row, so that a selection follows it.
func (m *watchModel) rowKey(p pane, row int) any {
	switch p {
	case panePositions:
		return m.shown.Positions[row].Key
	case paneOrders:
		return m.shown.Orders[row].ID
	case panePrices:
		return m.market[row].Key
	default:
		return m.shown.Executions[row].ID
	}
}

// instrumentOf returns the instrument of a row.
func (m *watchModel) instrumentOf(p pane, row int) client.Key {
	switch p {
	case panePositions:
		return m.shown.Positions[row].Key
	case paneOrders:
		return m.shown.Orders[row].Key
	case panePrices:
		return m.market[row].Key
	default:
		return m.shown.Executions[row].Key
	}
}

func (m *watchModel) cells(p pane, row int) []gridCell {
	switch p {
	case panePositions:
		return m.positionCells(&m.shown.Positions[row])
	case paneOrders:
		return m.orderCells(&m.shown.Orders[row])
	case panePrices:
		return m.priceCells(&m.market[row])
	default:
		return m.executionCells(&m.shown.Executions[row])
	}
}

func (m *watchModel) positionCells(p *client.Position) []gridCell {
	sellable := gridCell{text: p.Sellable.String()}
	if p.Sellable != p.Quantity {
		sellable.style = Yellow
	}
	return []gridCell{
		m.keyCell(p.Key), {text: m.nameOf(p.Key)}, {text: p.Quantity.String()}, sellable, {text: nonZero(p.Frozen)},
		{text: p.AverageCost.String()}, {text: p.LastPrice.String()}, {text: p.MarketValue.String()},
		{text: signed(p.Unrealised), style: profitStyle(p.Unrealised)}, {text: signed(p.Realised), style: profitStyle(p.Realised)},
	}
}

func (m *watchModel) orderCells(o *client.OrderState) []gridCell {
	limit, stop := "market", ""
	if o.Price > 0 {
		limit = o.Price.String()
	}
	if o.Stop > 0 {
		stop = o.Stop.String()
	}
	status, short := o.Status.String(), o.Status.String()
	switch {
	case o.Status == client.StatusPartiallyFilled:
		short = "part"
	case o.Stop > 0 && !o.Triggered:
		status, short = "waits for its stop", "stop"
	}
	return []gridCell{
		{text: fmt.Sprintf("#%d", o.ID.Number())}, {text: o.Side.String(), style: sideStyle(o.Side)}, m.keyCell(o.Key),
		{text: o.Quantity.String()}, {text: nonZero(o.Filled)}, {text: o.Leaves.String()}, {text: limit}, {text: stop},
		{text: status, short: short}, {text: o.TimeInForce.String()}, {text: m.clock(o.Time)},
	}
}

// priceCells shows the change since the watch has started to show prices.
func (m *watchModel) priceCells(i *client.Instrument) []gridCell {
	change, low, high, state := client.Money(i.LastPrice-m.opening[i.Key]), "", "", ""
	if i.HighPrice > 0 {
		low, high = i.LowPrice.String(), i.HighPrice.String()
	}
	if i.Halted {
		state = "halted"
	}
	return []gridCell{
		m.keyCell(i.Key), {text: table.Escape(i.Name)}, {text: i.LastPrice.String()}, {text: signed(change), style: profitStyle(change)},
		{text: low}, {text: high}, {text: i.LotSize.String()}, {text: state, style: Yellow},
	}
}

// executionCells strikes an execution out that was busted or corrected, and says so in words.
func (m *watchModel) executionCells(x *client.Execution) []gridCell {
	mark, style, remark := "", "", ""
	switch {
	case x.CorrectedBy != 0:
		mark, style, remark = fmt.Sprintf("now #%d", x.CorrectedBy.Number()), Yellow, x.BustReason
	case x.Busted:
		mark, style, remark = "BUSTED", Red, x.BustReason
	case x.Corrects != 0:
		mark, style = fmt.Sprintf("was #%d", x.Corrects.Number()), Yellow
	}
	row := []gridCell{
		{text: mark, style: style}, {text: fmt.Sprintf("#%d", x.ID.Number())}, {text: m.clock(x.Time)}, {text: x.Side.String(), style: sideStyle(x.Side)},
		{text: x.Quantity.String()}, m.keyCell(x.Key), {text: x.Price.String()}, {text: x.Value().String()},
		{text: table.Escape(remark), style: style},
	}
	if x.Busted {
		for i := 1; i < len(row)-1; i++ {
			row[i].style = Faint + Struck
		}
	}
	return row
}

// rowText returns all of a row in words, escaped.
func (m *watchModel) rowText(p pane, row int) string {
	switch p {
	case panePositions:
		x := &m.shown.Positions[row]
		return fmt.Sprintf("%s %s: %s shares, %s sellable, %s frozen, cost %s, last %s, value %s, profit %s, realised %s", keyText(x.Key), m.nameOf(x.Key),
			x.Quantity, x.Sellable, x.Frozen, x.AverageCost, x.LastPrice, x.MarketValue, signed(x.Unrealised), signed(x.Realised))
	case paneOrders:
		o := &m.shown.Orders[row]
		text := fmt.Sprintf("%s, %s, %s, %s filled, %s left, since %s", orderInWords(*o), o.TimeInForce, o.Status, o.Filled, o.Leaves, m.clock(o.Time))
		if !o.Expires.IsZero() {
			text += ", expires " + m.clock(o.Expires)
		}
		return text + ", client order id " + table.Escape(o.ClientOrderID)
	case panePrices:
		return m.instrumentText(m.market[row].Key)
	default:
		x := &m.shown.Executions[row]
		text := fmt.Sprintf("%s of order #%d, %s, fee %s", executionText(*x), x.Order.Number(), m.clock(x.Time), x.Fee)
		if x.Busted {
			text += ", " + table.Escape(Remark(x))
		}
		return text
	}
}

// struck reports whether a row is an execution that was taken back.
func (m *watchModel) struck(p pane, row int) bool {
	return p == paneTape && m.shown.Executions[row].Busted
}

// keyCell returns the cell of an instrument; its code alone is the short form, if no other has it.
func (m *watchModel) keyCell(key client.Key) gridCell {
	c := gridCell{text: keyText(key)}
	if m.codes[key.Code] == 1 {
		c.short = table.Escape(key.Code)
	}
	return c
}

// nameOf returns the name of an instrument, escaped.
func (m *watchModel) nameOf(key client.Key) string {
	if i := instrumentIn(m.market, key); i != nil {
		return table.Escape(i.Name)
	}
	return ""
}

// clock returns the time of the day; of another day than the last frame's also the day.
func (m *watchModel) clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(m.zone)
	if now := m.now.In(m.zone); at.YearDay() != now.YearDay() || at.Year() != now.Year() {
		return at.Format("01-02 15:04")
	}
	return at.Format(time.TimeOnly)
}

func sideStyle(s client.Side) string {
	if s == client.Buy {
		return Green
	}
	return Red
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", client.Quantity(n), many)
}

func nonZero(q client.Quantity) string {
	if q == 0 {
		return ""
	}
	return q.String()
}

// orderInWords returns "order #17: buy 100 ALFA/600100 @ 9.90", escaped.
func orderInWords(o client.OrderState) string {
	return fmt.Sprintf("order #%d: %s %s %s%s", o.ID.Number(), o.Side, o.Quantity, keyText(o.Key), priceText(o))
}

// ended returns how an order has ended: "cancelled, 40 filled: by an operator".
func ended(o client.OrderState) string {
	text := o.Status.String()
	if o.Filled > 0 && o.Status != client.StatusFilled {
		text += ", " + o.Filled.String() + " filled"
	}
	if why := o.Cause.Text(); why != "" {
		text += ": " + why
	}
	return text
}

// accountParts are the totals of the account.
func (m *watchModel) accountParts() []part {
	a := &m.shown.Account
	var unrealised client.Money
	for i := range m.shown.Positions {
		unrealised += m.shown.Positions[i].Unrealised
	}
	optional := func(name string, amount client.Money) string {
		if amount == 0 {
			return ""
		}
		return name + " " + amount.String()
	}
	free := ""
	if a.FreeCash != a.Cash {
		free = "free " + a.FreeCash.String()
	}
	return []part{
		{"total " + (m.shown.MarketValue + a.Cash).String(), bold, 0},
		{"profit " + signed(unrealised), profitStyle(unrealised), 2},
		{"cash " + a.Cash.String(), "", 1},
		{free, "", 4},
		{optional("frozen", a.FrozenCash), "", 6},
		{optional("unsettled", a.UnsettledCash), "", 7},
		{"value " + m.shown.MarketValue.String(), "", 3},
		{"realised " + signed(a.Realised), profitStyle(a.Realised), 5},
		{optional("fees", a.Fees), "", 8},
	}
}

// headParts are the state of the connection and whose account it is.
func (m *watchModel) headParts() []part {
	a, l := &m.shown.Account, &m.link
	latency := ""
	if l.latency > 0 {
		latency = table.Microseconds(float64(l.latency.Microseconds()))
	}
	dropped, breaks := "", ""
	if l.dropped > 0 {
		dropped = plural(l.dropped, "push dropped", "pushes dropped")
	}
	if n := m.shown.Gaps + m.shown.Doubles; n > 0 {
		breaks = plural(n, "gap", "gaps")
	}
	return []part{
		{m.linkText(), m.linkStyle(), 0},
		{fmt.Sprintf("customer %d", a.Customer), "", 1},
		{table.Escape(a.Name), "", 6},
		{l.server, "", 4},
		{fmt.Sprintf("session %d", l.session), "", 5},
		{fmt.Sprintf("push %d", m.shown.Sequence), "", 3},
		{latency, "", 7},
		{breaks, Yellow, 2},
		{dropped, Yellow, 2},
	}
}

func (m *watchModel) linkText() string {
	l := &m.link
	switch l.state {
	case linkWaiting:
		return fmt.Sprintf("reconnecting in %.0f s", max(l.until.Sub(m.now).Seconds(), 0))
	case linkConnecting:
		return "reconnecting"
	}
	return strings.TrimSuffix("connected, "+l.since, ", ")
}

func (m *watchModel) linkStyle() string {
	if m.link.state == linkConnected {
		return ""
	}
	return Yellow
}
