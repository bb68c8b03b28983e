package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/client"
)

// row is the expected or actual quantity of a position.
type row struct {
	key      client.Key
	quantity client.Quantity
}

// listText returns a list of positions as text for the report.
func listText(rows []row) string {
	if len(rows) == 0 {
		return "no positions"
	}
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(x, y row) int { return cmp.Or(x.key.Compare(y.key), cmp.Compare(x.quantity, y.quantity)) })
	texts := make([]string, 0, len(rows))
	for _, r := range rows {
		texts = append(texts, fmt.Sprintf("%s %s", r.key, r.quantity))
	}
	return strings.Join(texts, ", ")
}

func rowsOf(positions []client.Position) []row {
	rows := make([]row, 0, len(positions))
	for _, p := range positions {
		rows = append(rows, row{p.Key, p.Quantity})
	}
	return rows
}

// list returns the positions that the main session shows, and everything that is wrong with
// them: a pull that differs, or values that are not quantity x price.
func (a *actor) list() (string, error) {
	shown := a.main.View().Display()
	pulled, err := a.main.Positions(a.ctx)
	if err != nil {
		return "", err
	}
	a.cash = pulled.Account.Cash
	text := listText(rowsOf(shown.Positions))
	wrong := badValues("shown", shown.Positions)
	wrong = append(wrong, badValues("pulled", pulled.Positions)...)
	wrong = append(wrong, differences(shown.Positions, pulled.Positions)...)
	if sum := total(pulled.Positions); pulled.MarketValue != sum {
		wrong = append(wrong, fmt.Sprintf("the total of the pull is %s, the sum of its rows %s", pulled.MarketValue, sum))
	}
	return strings.Join(append([]string{text}, wrong...), "; "), nil
}

func total(positions []client.Position) client.Money {
	var sum client.Money
	for _, p := range positions {
		sum += p.MarketValue
	}
	return sum
}

// badValues returns the positions whose value is not quantity x price.
func badValues(where string, positions []client.Position) []string {
	var wrong []string
	for _, p := range positions {
		if want := client.Value(p.Quantity, p.LastPrice); p.MarketValue != want {
			wrong = append(wrong, fmt.Sprintf("%s %s: %s x %s is not %s", where, p.Key, p.Quantity, p.LastPrice, p.MarketValue))
		}
	}
	return wrong
}

// differences compares everything except prices, which may have moved in between.
func differences(shown, pulled []client.Position) []string {
	if have, want := listText(rowsOf(shown)), listText(rowsOf(pulled)); have != want {
		return []string{"a pull returns " + want}
	}
	var wrong []string
	for i, p := range shown {
		q := pulled[i]
		if p.AverageCost != q.AverageCost || p.Realised != q.Realised {
			wrong = append(wrong, fmt.Sprintf("%s: shown cost %s and profit %s, a pull returns %s and %s",
				p.Key, p.AverageCost, p.Realised, q.AverageCost, q.Realised))
		}
	}
	return wrong
}
