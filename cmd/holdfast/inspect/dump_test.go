package inspect_test

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/cmd/holdfast/inspect"
)

// everyKind writes a journal with an event of each kind.
func everyKind(t *testing.T) (data string) {
	t.Helper()
	s := shippedSeed(t)
	var records [][]byte
	x := newTrader(t, s, empty, &records)
	name := func(id string) ledger.ClientOrderID {
		parsed, err := ledger.ParseClientOrderID([]byte(id))
		must(t, err)
		return parsed
	}
	simple := x.order(ledger.Buy, 0, 10)
	simple.ClientOrderID, simple.Terms.SharesFrom = name("a"), x.now+60_000_000_000
	simple.Terms.Fees = &ledger.Fees{PerShare: 1_0000}
	x.place(simple, ledger.Offer{Quantity: 10, Price: 10_0000})

	resting := x.limit(ledger.Buy, 0, 30, 9_0000)
	resting.ClientOrderID, resting.TimeInForce, resting.Expires = name("b \"2\""), ledger.GoodTillDate, x.now+3600_000_000_000
	id := x.place(resting, ledger.Offer{Quantity: 5, Price: 8_9900}, ledger.Offer{Quantity: 6, Price: 9_0000})[0].Order.ID
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		return x.account.Replace(dst, &ledger.Replacement{
			Order: id, ClientOrderID: name("c"), Quantity: 20, Price: 8_0000, TimeInForce: ledger.Day, Terms: x.terms(),
		}, nil)
	})
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Expire(dst, id, x.now) })

	stop := x.order(ledger.Sell, 0, 4)
	stop.Type, stop.Stop, stop.Price, stop.TimeInForce = ledger.StopLimit, 7_0000, 6_5000, ledger.GoodTillCancelled
	id = x.place(stop)[0].Order.ID
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		terms := x.terms()
		return x.account.Trigger(dst, id, nil, &terms)
	})
	if _, err := x.correct(&x.alive[0][1], 3, 8_5000, nil); err != nil {
		t.Fatal(err)
	}
	// The sell needs the shares: the bust of all others cancels it.
	if _, err := x.bust(x.alive[0], true, false, false); err != nil {
		t.Fatal(err)
	}
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		return x.account.Deposit(dst, 500_0000, "bonus", x.now)
	})
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Withdraw(dst, 20_0000, "", x.now) })
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		return x.account.Reset(dst, "from the start", x.now)
	})
	var closed []desk.InstrumentPrice
	for n := range ledger.InstrumentID(7) {
		closed = append(closed, desk.InstrumentPrice{Instrument: n, Price: 1_0000 * ledger.Price(n+1)})
	}
	records = append(records,
		marketEvent(desk.MarketHalted, x.now, desk.InstrumentPrice{Instrument: 0}, desk.InstrumentPrice{Instrument: 1}),
		marketEvent(desk.MarketResumed, x.now, desk.InstrumentPrice{Instrument: 1}),
		marketEvent(desk.MarketPriced, x.now, desk.InstrumentPrice{Instrument: 1, Price: 12_3400}),
		marketEvent(desk.MarketClosed, x.now, closed...),
		scriptPosition(3, x.now),
		sequenceMark(uint64(empty), "TRADER/a", 1, []uint64{7, 300, 5}, -2, 4, x.now, "9bytes"),
		sequenceMark(uint64(empty), "TRADER", 0, []uint64{8, 0, 0}, 0, 0, 0, ""),
		fence("n1"))
	return write(t, s, records)
}

// dumped returns the records of a data folder.
func dumped(t *testing.T, data string, q inspect.Query) (list []inspect.Record) {
	t.Helper()
	q.To = math.MaxUint64
	must(t, inspect.Dump(t.Context(), data, shippedSeed(t), q, func(r inspect.Record) error {
		list = append(list, r)
		return nil
	}))
	return list
}

// TestDumpEveryKind: an event of each kind is a line. Events of one command have the same
// record and count their parts.
func TestDumpEveryKind(t *testing.T) {
	data := everyKind(t)
	var lines []string
	for _, r := range dumped(t, data, inspect.Query{From: 1}) {
		lines = append(lines, r.String())
	}
	if got := strings.Join(lines[1:], "\n"); got != strings.TrimSpace(wantLines) {
		t.Errorf("got\n%s\nwant%s", got, wantLines)
	}
	ofCustomer := dumped(t, data, inspect.Query{Customer: empty})
	if n := len(ofCustomer); n != len(lines)-7 || ofCustomer[0].Kind != "fill" || ofCustomer[n-1].Kind != "sequence" {
		t.Errorf("%d events of the customer, of %d", n, len(lines))
	}
	if other := dumped(t, data, inspect.Query{Customer: holder}); len(other) != 0 {
		t.Errorf("%v is not of the customer", other)
	}
}

const wantLines = `
1 2 2027-01-15T08:00:00Z fill 100010-1 order 100010-1 buy 10 ALFA/600100 at 10.0000 id "a" fee 10.0000, type market, day, status filled, filled 10, leaves 0
1 3 2027-01-15T08:00:01Z fill 100010-2 order 100010-2 buy 5 ALFA/600100 at 8.9900 id "b \"2\"", type limit, limit 9.0000, good till date, status partially filled, filled 5, leaves 25, part 1/2
1 3 2027-01-15T08:00:01Z fill 100010-3 order 100010-2 buy 6 ALFA/600100 at 9.0000 id "b \"2\"", type limit, limit 9.0000, good till date, status partially filled, filled 11, leaves 19, part 2/2
1 4 2027-01-15T08:00:02Z replaced order 100010-2 buy 20 ALFA/600100 id "c", type limit, limit 8.0000, day, status partially filled, filled 11, leaves 9, cause client
1 5 2027-01-15T08:00:03Z expired order 100010-2 buy 20 ALFA/600100 id "c", type limit, limit 8.0000, day, status expired, filled 11, leaves 0, cause close
1 6 2027-01-15T08:00:04Z accepted order 100010-3 sell 4 ALFA/600100 id "", type stop limit, limit 6.5000, stop 7.0000, good till cancelled, status new, filled 0, leaves 4
1 7 2027-01-15T08:00:05Z triggered order 100010-3 sell 4 ALFA/600100 id "", type stop limit, limit 6.5000, stop 7.0000, good till cancelled, status new, filled 0, leaves 4, cause stop price
1 8 2027-01-15T08:00:06Z correction 100010-4 order 100010-2 buy 3 ALFA/600100 at 8.5000 id "c" corrects 100010-2, type limit, limit 8.0000, day, status expired, filled 9, leaves 0, cause correction, amount 19.4500, reason "correction"
1 9 2027-01-15T08:00:07Z cancelled order 100010-3 sell 4 ALFA/600100 id "", type stop limit, limit 6.5000, stop 7.0000, good till cancelled, status cancelled, filled 0, leaves 0, cause shares, part 1/4
1 9 2027-01-15T08:00:07Z bust 100010-3 order 100010-2 buy 6 ALFA/600100 at 9.0000 id "c", type limit, limit 8.0000, day, status expired, filled 3, leaves 0, cause bust, amount 54.0000, reason "bust", part 2/4
1 9 2027-01-15T08:00:07Z bust 100010-4 order 100010-2 buy 3 ALFA/600100 at 8.5000 id "c" corrects 100010-2, type limit, limit 8.0000, day, status expired, filled 0, leaves 0, cause bust, amount 25.5000, reason "bust", part 3/4
1 9 2027-01-15T08:00:07Z bust 100010-1 order 100010-1 buy 10 ALFA/600100 at 10.0000 id "a" fee 10.0000, type market, day, status cancelled, filled 0, leaves 0, cause bust, amount 110.0000, reason "bust", part 4/4
1 10 2027-01-15T08:00:08Z deposit customer 100010, amount 500.0000, reason "bonus"
1 11 2027-01-15T08:00:09Z withdrawal customer 100010, amount -20.0000
1 12 2027-01-15T08:00:10Z reset customer 100010, reason "from the start"
1 13 2027-01-15T08:00:11Z halted ALFA/600100, BETA/300100
1 14 2027-01-15T08:00:11Z resumed BETA/300100
1 15 2027-01-15T08:00:11Z priced BETA/300100 at 12.3400
1 16 2027-01-15T08:00:11Z closed ALFA/600100 at 1.0000, BETA/300100 at 2.0000, ALFA/600101 at 3.0000, BETA/300101 at 4.0000, ALFA/600102 at 5.0000, and 2 more
1 17 2027-01-15T08:00:11Z script ff00000000000000000000000000000000000000000000000000000000000000, 3 events executed
1 18 sequence customer 100010 "TRADER/a": reset, in 7, out 300, from event 5 on its number -2, message 4 kept, 6 bytes
1 19 sequence customer 100010 "TRADER": in 8, out 0
1 20 fence of node "n1", which has taken over
`

// TestDumpAsJSON: scripts find the fields of orders, executions, commands and prices.
func TestDumpAsJSON(t *testing.T) {
	list := dumped(t, everyKind(t), inspect.Query{})
	for n, want := range map[int]string{
		1: `{"batch":1,"record":2,"part":1,"parts":1,"kind":"fill","time":"2027-01-15T08:00:00Z","customer":100010,"event":1,"push":1,"pushes":2,` +
			`"execution":"100010-1","order":"100010-1","client_order_id":"a","side":"buy","instrument":"ALFA/600100","quantity":10,"price":"10.0000",` +
			`"fee":"10.0000","settlement":"2027-01-15T08:01:00Z",` +
			`"terms":{"type":"market","time_in_force":"day","quantity":10,"status":"filled","filled":10,"leaves":0},` +
			`"position":{"quantity":10,"cost":"100.0000","realised":"0.0000"}}`,
		3: `{"batch":1,"record":3,"part":2,"parts":2,"kind":"fill","time":"2027-01-15T08:00:01Z","customer":100010,"event":3,"push":6,"pushes":3,` +
			`"execution":"100010-3","order":"100010-2","client_order_id":"b \"2\"","side":"buy","instrument":"ALFA/600100","quantity":6,"price":"9.0000",` +
			`"terms":{"type":"limit","time_in_force":"good till date","quantity":30,"limit":"9.0000","expires":"2027-01-15T09:00:01Z","status":"partially filled","filled":11,"leaves":19},` +
			`"position":{"quantity":21,"cost":"198.9500","realised":"0.0000"}}`,
		6: `{"batch":1,"record":6,"part":1,"parts":1,"kind":"accepted","time":"2027-01-15T08:00:04Z","customer":100010,"event":6,"push":11,"pushes":1,` +
			`"order":"100010-3","side":"sell","instrument":"ALFA/600100",` +
			`"terms":{"type":"stop limit","time_in_force":"good till cancelled","quantity":4,"limit":"6.5000","stop":"7.0000","status":"new","filled":0,"leaves":4}}`,
		14: `{"batch":1,"record":11,"part":1,"parts":1,"kind":"withdrawal","time":"2027-01-15T08:00:09Z","customer":100010,"event":14,"push":28,"pushes":1,"amount":"-20.0000"}`,
		16: `{"batch":1,"record":13,"kind":"halted","prices":[{"instrument":"ALFA/600100"},{"instrument":"BETA/300100"}],"time":"2027-01-15T08:00:11Z"}`,
		18: `{"batch":1,"record":15,"kind":"priced","prices":[{"instrument":"BETA/300100","price":"12.3400"}],"time":"2027-01-15T08:00:11Z"}`,
		21: `{"batch":1,"record":18,"kind":"sequence","sequence":{"name":"TRADER/a","reset":true,"in":7,"out":300,"from_event":5,"offset":-2,"kept":4,"kept_bytes":6},"customer":100010}`,
		22: `{"batch":1,"record":19,"kind":"sequence","sequence":{"name":"TRADER","in":8,"out":0},"customer":100010}`,
		23: `{"batch":1,"record":20,"kind":"fence","node":"n1"}`,
	} {
		if got, err := json.Marshal(list[n]); err != nil || string(got) != want {
			t.Errorf("%d: %s, %v\nwant %s", n, got, err, want)
		}
	}
}

// TestStats counts orders, executions and events.
func TestStats(t *testing.T) {
	s, err := inspect.Measure(t.Context(), everyKind(t), unseen)
	must(t, err)
	text, err := json.Marshal(s)
	must(t, err)
	const want = `"commands":11,"market_events":4,"definitions":2,"sequences":2,"fences":1,"orders":3,"executions":4,` +
		`"fills":3,"busts":3,"corrections":1,"accepted":1,"cancelled":1,"expired":1,"replaced":1,"triggered":1,` +
		`"deposits":1,"withdrawals":1,"resets":1,"customers":1,"first":"2027-01-15T08:00:00Z","last":"2027-01-15T08:00:11Z",`
	if !strings.Contains(string(text), want) {
		t.Errorf("%s has no %s", text, want)
	}
	perExecution := float64(s.FileBytes) / 4
	if s.Records != 20 || s.FileBytes == 0 || s.BytesPerExecution != perExecution || s.BytesPerOrder != perExecution {
		t.Errorf("%s", text)
	}
	for _, row := range []string{
		"20: 11 commands of 1 customers, 4 events of the market, 2 definitions\n", "\n  takeovers            1\n", "\n  message numbers      2 records\n", "\n  orders               3\n", "\n    correction         1\n",
	} {
		if !strings.Contains(s.String(), row) {
			t.Errorf("%q is missing:\n%s", row, s)
		}
	}
}

// TestDumpOfEarlyData: the objects of events that an earlier release wrote have what its dump
// printed, and nothing about orders that it did not have.
func TestDumpOfEarlyData(t *testing.T) {
	data := unpacked(t, "a819a6c-killed.tar.gz")
	file, err := os.Open(filepath.Join("..", "..", "..", "biz", "server", "testdata", "a819a6c-events.jsonl"))
	must(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for _, r := range dumped(t, data, inspect.Query{}) {
		if r.Event == 0 {
			continue
		}
		if !lines.Scan() {
			t.Fatal("more events than before")
		}
		var was map[string]any
		must(t, json.Unmarshal(lines.Bytes(), &was))
		text, err := json.Marshal(r)
		must(t, err)
		var is map[string]any
		must(t, json.Unmarshal(text, &is))
		for field, value := range was {
			if !reflect.DeepEqual(is[field], value) {
				t.Errorf("%s is %v, was %v: %s", field, is[field], value, text)
			}
		}
		if r.Terms != nil || r.Pushes != 2 || r.Part != 1 || r.Parts != 1 || r.Position == nil {
			t.Errorf("%s", text)
		}
	}
	if lines.Scan() {
		t.Errorf("no %s", lines.Text())
	}
}
