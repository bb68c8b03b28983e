package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/export"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var at = time.Date(2026, 1, 5, 9, 30, 0, 1, time.UTC)

// executions are a plain one, and one with everything.
func executions() []client.Execution {
	return []client.Execution{
		{
			ID: client.NewExecutionID(7, 2), Order: 7<<32 | 2, Customer: 7, ClientOrderID: `a "b", c`, Side: client.Sell,
			Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 1_000_000_000_000, Price: 10_2500, Fee: 1, Time: at.Local(),
			Busted: true, BustReason: "typing\nerror", CorrectedBy: client.NewExecutionID(7, 3), Corrects: client.NewExecutionID(7, 1),
		},
		{ID: client.NewExecutionID(7, 1), Order: 7<<32 | 1, Customer: 7, Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 1, Price: 9999, Time: at},
	}
}

func written(t testing.TB, format string, rows []client.Execution) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := export.NewExecutions(format, &file)
	must(t, err)
	for i := range rows {
		must(t, w.Write(&rows[i]))
	}
	must(t, w.Close())
	return file.Bytes()
}

func TestCSV(t *testing.T) {
	text := written(t, export.CSV, executions())
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	must(t, err)
	want := [][]string{
		{"execution_id", "order_id", "customer", "client_order_id", "side", "market", "code", "quantity", "price", "fee", "time", "status", "bust_reason", "corrects", "corrected_by"},
		{"7-2", "7-2", "7", `a "b", c`, "sell", "ALFA", "600100", "1000000000000", "10.2500", "0.0001", "2026-01-05T09:30:00.000000001Z", "corrected", "typing\nerror", "7-1", "7-3"},
		{"7-1", "7-1", "7", "", "buy", "ALFA", "600100", "1", "0.9999", "0.0000", "2026-01-05T09:30:00.000000001Z", "standing", "", "", ""},
	}
	if !reflect.DeepEqual(records, want) || strings.Count(string(text), "\r\n") != 4 { // one is in a field
		t.Errorf("%q", text)
	}
}

func TestJSONLinesAreMessages(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(string(written(t, export.JSONL, executions())), "\n"), "\n")
	for i, x := range executions() {
		var got, want any
		must(t, json.Unmarshal([]byte(lines[i]), &got))
		text, err := json.Marshal(x)
		must(t, err)
		must(t, json.Unmarshal(text, &want))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s, want %s", lines[i], text)
		}
	}
}

// TestParquet reads a file of several row groups as another program would.
func TestParquet(t *testing.T) {
	const rows = 250_001
	list := make([]client.Execution, rows)
	for i := range list {
		list[i] = executions()[i%2]
		list[i].ID = client.NewExecutionID(7, uint32(rows-i))
	}
	text := written(t, export.Parquet, list)
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	must(t, err)
	if f.NumRows() != rows || len(f.RowGroups()) != 3 {
		t.Fatalf("%d rows in %d groups", f.NumRows(), len(f.RowGroups()))
	}
	for name, want := range map[string]string{
		"execution_id": "INT(64,false)", "price": "DECIMAL(18,4)", "fee": "DECIMAL(18,4)", "time": "TIMESTAMP(isAdjustedToUTC=true,unit=NANOS)", "quantity": "INT(64,true)", "side": "STRING",
	} {
		column, found := f.Schema().Lookup(name)
		if !found || column.Node.Type().String() != want {
			t.Errorf("%s is %v, want %s", name, column.Node, want)
		}
	}
	type row struct {
		ID     uint64  `parquet:"execution_id"`
		Name   *string `parquet:"client_order_id,optional"`
		Price  int64   `parquet:"price,decimal(4:18)"`
		Time   int64   `parquet:"time,timestamp(nanosecond)"`
		Status string  `parquet:"status"`
		Reason *string `parquet:"bust_reason,optional"`
		By     *uint64 `parquet:"corrected_by,optional"`
	}
	r := parquet.NewGenericReader[row](bytes.NewReader(text))
	defer r.Close()
	got := make([]row, rows)
	if n, err := r.Read(got); n != rows || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("read %d rows: %v", n, err)
	}
	for i := range got {
		x, g := &list[i], &got[i]
		if g.ID != uint64(x.ID) || g.Price != int64(x.Price) || g.Time != at.UnixNano() || g.Status != export.Status(x) ||
			(g.Name == nil) != (x.ClientOrderID == "") || (g.Reason == nil) != (x.BustReason == "") || (g.By == nil) != (x.CorrectedBy == 0) {
			t.Fatalf("row %d is %+v, want %+v", i, g, x)
		}
	}
}

// TestWriteErrors: a writer that fails, at whatever byte, makes the export fail.
func TestWriteErrors(t *testing.T) {
	full := errors.New("full")
	for _, format := range export.Formats() {
		size := len(written(t, format, executions()))
		for left := range size {
			w, err := export.NewExecutions(format, &limited{left, full})
			for _, x := range executions() {
				if err == nil {
					err = w.Write(&x)
				}
			}
			if err == nil {
				err = w.Close()
			}
			if !errors.Is(err, full) {
				t.Fatalf("%s with space for %d of %d bytes: %v", format, left, size, err)
			}
		}
	}
	if _, err := export.NewOrders("xml", io.Discard); err == nil {
		t.Error("an unknown format")
	}
}

// limited is a writer with space for some bytes.
type limited struct {
	left int
	err  error
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		return l.left, l.err
	}
	l.left -= len(b)
	return len(b), nil
}

// TestOtherRows: orders and positions in all formats.
func TestOtherRows(t *testing.T) {
	o := client.OrderState{ID: 7<<32 | 1, Customer: 7, Side: client.Buy, Type: client.TypeLimit, TimeInForce: client.Day, Price: 1_0000, Status: client.StatusCancelled, Time: at, Cause: client.CauseClient}
	p := export.Position{Customer: 7, Position: client.Position{Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 5, Unrealised: -1}}
	for format, want := range map[string][2]string{
		export.CSV:     {"7-1,7,,buy,,,limit,day,0,1.0000,,cancelled,0,0,,2026-01-05T09:30:00.000000001Z,,false,", "7,ALFA,600100,5,0,0,0.0000,0.0000,0.0000,0.0000,-0.0001"},
		export.JSONL:   {`"status":"ORDER_STATUS_CANCELLED"`, `{"customer":7,"market":"ALFA","code":"600100","quantity":"5","unrealisedProfit":"-1"}`},
		export.Parquet: {"PAR1", "PAR1"},
	} {
		var orders, positions bytes.Buffer
		ow, err := export.NewOrders(format, &orders)
		must(t, err)
		pw, err := export.NewPositions(format, &positions)
		must(t, err)
		must(t, errors.Join(ow.Write(&o), pw.Write(&p), ow.Close(), pw.Close()))
		if !strings.Contains(orders.String(), want[0]) || !strings.Contains(positions.String(), want[1]) {
			t.Errorf("%s: %q, %q", format, &orders, &positions)
		}
	}
}
