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
		return none
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

// rowDifferences compares positions with those of a pull: everything except prices, which may
// have moved in between, and sellable shares, which change with the time.
func rowDifferences(where string, have, pulled []client.Position) []string {
	if got, want := listText(rowsOf(have)), listText(rowsOf(pulled)); got != want {
		return []string{fmt.Sprintf("%s: positions %s; a pull returns %s", where, got, want)}
	}
	var wrong []string
	for i, p := range have {
		if q := pulled[i]; p.AverageCost != q.AverageCost || p.Realised != q.Realised || p.Frozen != q.Frozen {
			wrong = append(wrong, fmt.Sprintf("%s: %s cost %s, profit %s, frozen %s; a pull returns %s, %s, %s",
				where, p.Key, p.AverageCost, p.Realised, p.Frozen, q.AverageCost, q.Realised, q.Frozen))
		}
	}
	return wrong
}
