package terminal

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// table returns a table that fits into the terminal.
func (sh *shell) table(head ...string) *Table {
	t := NewTable(sh.style, head...)
	t.Fit(sh.screen.columns())
	return t
}

// profitStyle is green for a profit and red for a loss.
func profitStyle(m client.Money) string {
	switch {
	case m > 0:
		return Green
	case m < 0:
		return Red
	}
	return ""
}

// signed returns an amount with its sign, also a plus.
func signed(m client.Money) string {
	if m > 0 {
		return "+" + m.String()
	}
	return m.String()
}

// showAccount shows the account as it is after a login.
func (sh *shell) showAccount(s client.Snapshot) {
	sh.say(sh.accountText(s), event{Event: "account", Body: s})
}

func (sh *shell) accountText(s client.Snapshot) string {
	role := ""
	if s.Account.Operator {
		role = ", operator"
	} else if s.Account.Viewer {
		role = ", viewer"
	}
	text := fmt.Sprintf("account %d (%s%s)\n", s.Account.Customer, table.Escape(s.Account.Name), role)
	if len(s.Positions) == 0 {
		text += "  no positions\n"
	} else {
		text += sh.positions(s.Positions) + "\n"
	}
	totals := sh.table("", ">")
	totals.Add("market value", s.MarketValue.String())
	totals.Add("cash", s.Account.Cash.String())
	if s.Account.FrozenCash != 0 || s.Account.UnsettledCash != 0 {
		totals.Add("of it free", s.Account.FreeCash.String())
	}
	totals.Add("total", (s.MarketValue + s.Account.Cash).String())
	totals.Add("realised profit", signed(s.Account.Realised))
	totals.Set(1, profitStyle(s.Account.Realised))
	return text + totals.String()
}

func (sh *shell) positions(list []client.Position) string {
	t := sh.table("INSTRUMENT", "NAME", ">SHARES", ">SELLABLE", ">FROZEN", ">AVG COST", ">PRICE", ">VALUE", ">PROFIT", ">REALISED")
	t.Fit(sh.screen.columns(), 1, 9, 5, 4, 3, 6)
	for _, p := range list {
		t.Add(p.Key.String(), sh.nameOf(p.Key), p.Quantity.String(), p.Sellable.String(), p.Frozen.String(), p.AverageCost.String(),
			p.LastPrice.String(), p.MarketValue.String(), signed(p.Unrealised), signed(p.Realised))
		if p.Sellable != p.Quantity {
			t.Set(3, Yellow)
		}
		t.Set(8, profitStyle(p.Unrealised))
		t.Set(9, profitStyle(p.Realised))
	}
	return t.String()
}

// keyText returns the key as a terminal may show it.
func keyText(key client.Key) string { return table.Escape(key.String()) }

func (sh *shell) nameOf(key client.Key) string {
	list := sh.instruments()
	at, found := slices.BinarySearchFunc(list, key, func(i client.Instrument, key client.Key) int { return i.Key.Compare(key) })
	if !found {
		return ""
	}
	return list[at].Name
}

// usedBefore is the line before the reply to a client order id that was used before.
const usedBefore = "  this client order id was used before; the first reply was:\n"

func (sh *shell) showPlaced(placed client.Placed) {
	var text strings.Builder
	if placed.Duplicate {
		text.WriteString(usedBefore)
	}
	for _, x := range placed.Executions {
		text.WriteString("  " + executionText(x) + "\n")
	}
	if len(placed.Executions) > 0 && placed.Position.Key != (client.Key{}) {
		text.WriteString("  " + sh.positionText(placed.Position) + "\n")
	}
	if placed.Status != client.StatusFilled && placed.Status != 0 {
		text.WriteString("  order " + placed.Order.String() + ": " + sh.stageText(placed.Status, placed.Filled, placed.Leaves, placed.Cause) + "\n")
	}
	result := resultOK
	if placed.Duplicate {
		result = resultDuplicate
	}
	sh.say(text.String(), event{Event: "reply", Line: sh.line, Command: "PlaceOrder", Result: result, Body: placed})
}

// executionText returns "bought 100 ALFA/600100 @ 10.00 = 1,000.00 (100001-17)".
func executionText(x client.Execution) string {
	verb := map[client.Side]string{client.Buy: "bought", client.Sell: "sold"}[x.Side]
	corrects := ""
	if x.Corrects != 0 {
		corrects = ", corrects " + x.Corrects.String()
	}
	return fmt.Sprintf("%s %s %s @ %s = %s (%s%s)", verb, x.Quantity, keyText(x.Key), x.Price, x.Value(), x.ID, corrects)
}

// positionText returns "ALFA/600100: 200 shares, 2,000.00, profit +10.00".
func (sh *shell) positionText(p client.Position) string {
	if p.Quantity == 0 {
		return keyText(p.Key) + ": none left"
	}
	profit := sh.style(profitStyle(p.Unrealised), signed(p.Unrealised))
	return fmt.Sprintf("%s: %s shares, %s, profit %s", keyText(p.Key), p.Quantity, p.MarketValue, profit)
}

// BustedText describes a busted execution and the position after it.
func BustedText(style Style, b client.Busted) string {
	text := fmt.Sprintf("  busted: %s\n", style(Struck, executionText(b.Execution)))
	if b.Position.Quantity == 0 {
		return text + fmt.Sprintf("  %s: none left\n", keyText(b.Execution.Key))
	}
	return text + fmt.Sprintf("  %s: %s shares, %s\n", keyText(b.Position.Key), b.Position.Quantity, b.Position.MarketValue)
}

// Remark says whether an execution was busted or corrected, or corrects another one; else "".
func Remark(x *client.Execution) string {
	switch {
	case x.CorrectedBy != 0:
		return fmt.Sprintf("CORRECTED by %s: %s", x.CorrectedBy, x.BustReason)
	case x.Busted:
		return "BUSTED: " + x.BustReason
	case x.Corrects != 0:
		return fmt.Sprintf("corrects %s", x.Corrects)
	}
	return ""
}

// showHistory shows a page of executions; filters are the words that it was asked for with.
func (sh *shell) showHistory(page client.HistoryPage, filters ...string) {
	more := ""
	if page.More {
		more = olderText("history", max(len(page.Executions), 1), page.Next, filters)
	}
	if len(page.Executions) == 0 {
		sh.reply("  no executions\n"+more, "History", page)
		return
	}
	t := sh.table("EXECUTION", "TIME", "SIDE", "INSTRUMENT", ">SHARES", ">PRICE", ">VALUE", "")
	for _, x := range page.Executions {
		remark := Remark(&x)
		t.Add(x.ID.String(), x.Time.Local().Format("2006-01-02 15:04:05"), x.Side.String(), x.Key.String(),
			x.Quantity.String(), x.Price.String(), x.Value().String(), remark)
		if x.Busted {
			for column := range 7 {
				t.Set(column, Struck)
			}
			t.Set(7, Red)
		}
	}
	sh.reply(t.String()+more, "History", page)
}

func (sh *shell) showQuotes(list []client.Instrument) {
	banded := slices.ContainsFunc(list, func(i client.Instrument) bool { return i.HighPrice != 0 })
	head := []string{"INSTRUMENT", "NAME", ">LOT", ">PRICE"}
	if banded {
		head = append(head, ">LOWEST", ">HIGHEST")
	}
	t := sh.table(append(head, "")...)
	for _, i := range list {
		row := []string{i.Key.String(), i.Name, i.LotSize.String(), i.LastPrice.String()}
		if banded {
			row = append(row, i.LowPrice.String(), i.HighPrice.String())
		}
		if i.Halted {
			row = append(row, "halted")
		}
		t.Add(row...)
	}
	sh.reply(t.String(), "Quotes", client.Instruments(list))
}
