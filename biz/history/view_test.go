package history_test

import (
	"slices"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// viewed returns the result of a query, one line per row.
func viewed(t *testing.T, path, query string) string {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	must(t, err)
	defer conn.Close()
	var text strings.Builder
	must(t, sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(row *sqlite.Stmt) error {
		for i := range row.ColumnCount() {
			value := row.ColumnText(i)
			if row.ColumnIsNull(i) {
				value = "-"
			}
			if i > 0 {
				text.WriteByte('|')
			}
			text.WriteString(value)
		}
		text.WriteByte('\n')
		return nil
	}}))
	return text.String()
}

func TestOrderListView(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	put(t, s, 1, 7, 1, 1)
	must(t, s.Begin(t.Context()))
	o := madeOrder(1<<31, 2)
	o.Side, o.Type, o.TimeInForce, o.Status, o.Cause = uint8(ledger.Buy), uint8(ledger.Market), uint8(ledger.ImmediateOrCancel), uint8(ledger.Cancelled), 0
	o.Filled, o.FilledValue, o.Price, o.Stop, o.Expires, o.Triggered, o.Held = 0, 0, 0, 0, 0, false, false
	must(t, s.PutOrder(&o))
	must(t, s.Commit(2, 0))
	got := viewed(t, path, "SELECT * FROM order_list ORDER BY number")
	want := `7|1|order-1|sell|1|stop limit|good till date|partially filled|stop price|1|1|100|50|10.0001|10.0001|9.9|2025-11-24 16:00:00|2025-12-06 05:46:40|2025-11-24 16:00:00
2147483648|2|order-2|buy|2|market|immediate or cancel|cancelled|-|0|0|200|0|-|-|-|2025-11-24 16:00:00|-|2025-11-24 16:00:00
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestOrderListNames: every number of the ledger's enumerations has a name, and no two have
// the same.
func TestOrderListNames(t *testing.T) {
	for column, c := range map[string]struct {
		last uint8
		set  func(o *history.Order, n uint8)
	}{
		"side":          {uint8(ledger.Sell), func(o *history.Order, n uint8) { o.Side = n }},
		"type":          {uint8(ledger.StopLimit), func(o *history.Order, n uint8) { o.Type = n }},
		"time_in_force": {uint8(ledger.FillOrKill), func(o *history.Order, n uint8) { o.TimeInForce = n }},
		"status":        {uint8(ledger.Expired), func(o *history.Order, n uint8) { o.Status = n }},
		"cause":         {uint8(ledger.ByLimits), func(o *history.Order, n uint8) { o.Cause = n }},
	} {
		path := newPath(t)
		s := open(t, path)
		must(t, s.Begin(t.Context()))
		for n := uint8(1); n <= c.last; n++ {
			o := madeOrder(7, uint32(n))
			c.set(&o, n)
			must(t, s.PutOrder(&o))
		}
		must(t, s.Commit(1, 0))
		names := strings.Fields(strings.ReplaceAll(viewed(t, path, "SELECT "+column+" FROM order_list"), " ", "_"))
		slices.Sort(names)
		if len(slices.Compact(names)) != int(c.last) || slices.Contains(names, "-") {
			t.Errorf("%s: %q", column, names)
		}
	}
}
