package desk_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// rail is the second instrument of the test seed, mills the third.
const (
	rail  ledger.InstrumentID = 1
	mills ledger.InstrumentID = 2
)

// edited returns the test seed with parts replaced: old, new, old, new...
func edited(t testing.TB, pairs ...string) string {
	t.Helper()
	text := seedText
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the seed", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// buy buys one piece.
func (d *opened) buy(c ledger.Customer, id ledger.InstrumentID, q ledger.Quantity) {
	d.t.Helper()
	must(d.t, d.Account(c).Do(d.turn, func(turn *desk.Turn) {
		order := marketOrder(ledger.Buy, id, q, 1)
		if _, err := turn.Place(&order); err != nil {
			d.t.Errorf("buy: %v", err)
		}
	}))
}

// tradedFolder returns the setup of a folder in which bob and carol have orders, and alice has
// none.
func tradedFolder(t testing.TB) setup {
	t.Helper()
	d := open(t, setup{})
	d.buy(bob, rail, 1)
	d.buy(carol, mills, 100)
	d.close()
	return d.setup
}

const (
	tinLine   = `{"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"},`
	railLine  = `{"market": "BETA", "code": "300100", "name": "Rail", "last": "74.00"},`
	gold      = `{"market": "BETA", "code": "300101", "name": "Gold", "tick": "0.05", "last": "5.00"},`
	aliceLine = `{"customer": 100001, "name": "Alice", "cash": "10000.00"},`
	dave      = `{"customer": 100004, "name": "Dave", "cash": "7.00",
     "positions": [{"market": "ALFA", "code": "600101", "quantity": 100, "average_cost": "1.00"}]},`
	carolLine = `{"customer": 100003, "name": "Carol", "cash": "1000000000.00"}`
)

// allowed are changes of the seed that change no history.
var allowed = []struct {
	name  string
	pairs []string
}{
	{"a newline", []string{`"format"`, "\n" + `"format"`}},
	{"credentials, names and roles", []string{
		`"name": "Bob"`, `"name": "Robert", "role": "operator", "token_sha256": "` + strings.Repeat("ab", 32) + `"`,
	}},
	{"lot and last price", []string{`"name": "Rail", "last": "74.00"`, `"name": "Rails", "lot": 10, "last": "99.00"`}},
	{"an instrument at the end", []string{`"last": "2.50"}`, `"last": "2.50"}, ` + strings.TrimSuffix(gold, ",")}},
	{"an instrument at the beginning", []string{tinLine, gold + tinLine}},
	{"instruments in another order", []string{railLine, "", tinLine, railLine + gold + tinLine}},
	{"a customer at the beginning", []string{aliceLine, dave + aliceLine}},
	{"customers in another order", []string{aliceLine, "", carolLine, carolLine + "," + strings.TrimSuffix(aliceLine, ",")}},
	{"other cash of a customer without orders", []string{`"cash": "10000.00"`, `"cash": "3.00"`}},
	{"other positions of a customer without orders", []string{
		`"cash": "10000.00"`, `"cash": "10000.00", "positions": [{"market": "BETA", "code": "300100", "quantity": 3, "average_cost": "1.00"}]`,
	}},
	{"no more customer without orders", []string{aliceLine, ""}},
	{"everything at once", []string{railLine, "", tinLine, gold + railLine + tinLine, aliceLine, dave, `"name": "Bob"`, `"name": "B"`}},
}

// A way is what may remain of the folder at the next start.
type way struct {
	name string
	do   func(*opened) setup
}

var ways = []way{
	{"stopped", func(d *opened) setup { d.close(); return d.setup }},
	{"killed", func(d *opened) setup { return d.crash().closed() }},
	{"from the journal alone", func(d *opened) setup {
		d.close()
		must(d.t, history.Remove(filepath.Join(d.setup.dir, "history.db")))
		must(d.t, os.RemoveAll(filepath.Join(d.setup.dir, "checkpoints")))
		return d.setup
	}},
}

// waysOf returns the ways for case n: all for the last one, one in turn for the others, to save
// time.
func waysOf(n, cases int) []way {
	if n == cases-1 {
		return ways
	}
	return ways[n%len(ways):][:1]
}

func (d *opened) closed() setup { d.close(); return d.setup }

// TestSeedMayChange starts a used folder with a changed seed, trades, and starts once more,
// with the seed as it was: accounts and prices are those of the events, and the journal alone
// results in the same state.
func TestSeedMayChange(t *testing.T) {
	for n, tc := range allowed {
		for _, way := range waysOf(n, len(allowed)) {
			t.Run(tc.name+", "+way.name, func(t *testing.T) {
				d := open(t, setup{})
				d.buy(bob, rail, 1)
				d.buy(carol, mills, 100)
				with := way.do(d)
				with.seed = edited(t, tc.pairs...)
				changed := open(t, with)
				changed.checkEvents(1)
				for id := range changed.Market().Len() {
					changed.price(ledger.InstrumentID(id), ledger.Price(id+1)*100, 0)
					changed.buy(carol, ledger.InstrumentID(id), 1000)
				}
				state, from := changed.StateHash(), changed.setup.seed
				with = way.do(changed)
				again := open(t, with)
				again.checkEvents(1)
				if again.StateHash() != state {
					t.Error("the state is another one after the next start")
				}
				if again.replica(from).StateHash() != state {
					t.Error("the journal alone results in another state")
				}
				for id := range again.Market().Len() {
					if p := again.Market().Last(ledger.InstrumentID(id)); p != ledger.Price(id+1)*100 {
						t.Errorf("the last price of instrument %d is %s", id, p)
					}
				}
			})
		}
	}
}

// checkEvents checks that bob has bought n Rail, and has the Tin that he started with.
func (d *opened) checkEvents(n ledger.Quantity) {
	d.t.Helper()
	for key, want := range map[seed.Key]ledger.Quantity{{Market: "BETA", Code: "300100"}: n, {Market: "ALFA", Code: "600100"}: 100} {
		id, _ := d.Market().Find(key.Market, key.Code)
		d.Account(bob).View(func(a *ledger.Account) {
			if p, _ := a.Position(id); p.Quantity != want {
				d.t.Errorf("bob has %d %s, want %d", p.Quantity, key, want)
			}
		})
	}
	d.Account(bob).View(func(a *ledger.Account) {
		if a.Cash() != 4926_0000 {
			d.t.Errorf("bob has cash %s", a.Cash())
		}
	})
}

// replica rebuilds the accounts of a seed from the journal alone.
func (d *opened) replica(file string) *desk.Replica {
	d.t.Helper()
	s, err := seed.Parse("test.json", []byte(file))
	must(d.t, err)
	b := desk.NewBook()
	d.eachEntry(b.Add)
	r, err := desk.NewReplica(s, b)
	must(d.t, err)
	d.eachEntry(r.Apply)
	return r
}

func (d *opened) eachEntry(do func(*desk.Entry) error) {
	d.t.Helper()
	must(d.t, d.Durable(d.t.Context()))
	must(d.t, d.journal.Replay(d.t.Context(), 1, func(_ journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		must(d.t, err)
		return do(&e)
	}))
}

// TestSeedMayNotChange: what the events depend on is refused, with an error that names it, and
// the folder stays as it is.
func TestSeedMayNotChange(t *testing.T) {
	refused := []struct {
		name  string
		pairs []string
		says  string
	}{
		{"cash", []string{`"cash": "5000.00"`, `"cash": "5.00"`}, "customer 100002: cash 5.0000, but the data folder was started with 5000.0000"},
		{"a position's quantity", []string{`"quantity": 100`, `"quantity": 101`}, "customer 100002: other positions than the data folder was started with"},
		{"a position's cost", []string{`"average_cost": "10.00"`, `"average_cost": "10.01"`}, "customer 100002: other positions"},
		{"one position more", []string{`"average_cost": "10.00"}`, `"average_cost": "10.00"}, {"market": "BETA", "code": "300100", "quantity": 1, "average_cost": "1.00"}`},
			"customer 100002: other positions"},
		{"tick", []string{`"name": "Tin"`, `"name": "Tin", "tick": "0.05"`}, "instrument ALFA/600100: tick 0.0500 instead of 0.0100"},
		{"an instrument is missing", []string{railLine, ""}, "instrument BETA/300100 is missing from the seed file"},
		{"another code", []string{`"300100"`, `"300109"`}, "instrument BETA/300100 is missing from the seed file"},
		{"a customer with orders is missing", []string{"," + "\n    " + carolLine, ""}, "customer 100003 is missing from the seed file, but has orders"},
	}
	for n, tc := range refused {
		for _, way := range waysOf(n, len(refused)) {
			t.Run(tc.name+", "+way.name, func(t *testing.T) {
				d := open(t, setup{})
				d.buy(bob, rail, 1)
				d.buy(carol, mills, 100)
				state := d.StateHash()
				with := way.do(d)
				with.seed = edited(t, tc.pairs...)
				_, err := tryOpen(t, with)
				if !errors.Is(err, desk.ErrForeignData) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "record ") {
					t.Fatalf("error %v\nwant %s", err, tc.says)
				}
				with.seed = seedText
				if open(t, with).StateHash() != state {
					t.Error("the accounts have changed")
				}
			})
		}
	}
}

// TestPositionsInAnotherOrder: what a customer starts with is a set. Its order in the file may
// change, and so may the order of the instruments.
func TestPositionsInAnotherOrder(t *testing.T) {
	const tin, railRow = `{"market": "ALFA", "code": "600100", "quantity": 100, "average_cost": "10.00"}`,
		`{"market": "BETA", "code": "300100", "quantity": 3, "average_cost": "1.00"}`
	d := open(t, setup{seed: edited(t, tin, tin+", "+railRow)})
	d.buy(bob, rail, 1)
	state := d.StateHash()
	d.close()
	with := d.setup
	for _, pairs := range [][]string{
		{tin, railRow + ", " + tin},
		{tin, tin + ", " + railRow, railLine, "", tinLine, railLine + tinLine},
	} {
		with.seed = edited(t, pairs...)
		d := open(t, with)
		if d.StateHash() != state {
			t.Error("the accounts have changed")
		}
		d.close()
	}
}

// TestCustomerWithoutOrders: what a customer starts with may change until the first order, not
// after it.
func TestCustomerWithoutOrders(t *testing.T) {
	with := tradedFolder(t)
	with.seed = edited(t, aliceLine, "")
	open(t, with).close()
	with.seed = edited(t, `"cash": "10000.00"`, `"cash": "20000.00"`)
	d := open(t, with)
	d.buy(alice, tin, 1)
	d.close()
	with.seed = seedText
	if _, err := tryOpen(t, with); !errors.Is(err, desk.ErrForeignData) ||
		!strings.Contains(err.Error(), "customer 100001: cash 10000.0000, but the data folder was started with 20000.0000") {
		t.Errorf("the cash from before: %v", err)
	}
}

// withoutDefinitions makes a copy of a folder with only the records that keep selects: as an
// earlier release, or a crash at the first start, left it.
func withoutDefinitions(t testing.TB, with setup, keep func(*desk.Entry) bool) setup {
	t.Helper()
	from, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(with.dir, "journal")})
	must(t, err)
	defer from.Close(t.Context())
	with.dir = t.TempDir()
	to, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(with.dir, "journal")})
	must(t, err)
	c := journal.NewCommitter(to, func() held { return held{} }, journal.CommitterOptions{})
	must(t, from.Replay(t.Context(), 1, func(_ journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		if err == nil && keep(&e) {
			c.Begin().Record(record)
			c.End()
		}
		return err
	}))
	must(t, c.Close(context.Background()))
	must(t, to.Close(context.Background()))
	return with
}

type held struct{}

func (held) Release()       {}
func (held) Abandon()       {}
func (held) SizeBytes() int { return 0 }

// TestFolderOfAnEarlierRelease: the first start needs the very seed file of the folder, and its
// error says so. Later the file may change, also if the history is rebuilt, whose events come
// before the definitions. The same is true after a crash within the first start.
func TestFolderOfAnEarlierRelease(t *testing.T) {
	for _, tc := range []struct {
		name string
		keep func(*desk.Entry) bool
	}{
		{"earlier release", func(e *desk.Entry) bool { return e.Genesis || len(e.Events) > 0 }},
		{"half started", func(e *desk.Entry) bool { return e.Genesis || len(e.Listings) > 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			with := withoutDefinitions(t, tradedFolder(t), tc.keep)
			with.seed = edited(t, tinLine, gold+tinLine)
			_, err := tryOpen(t, with)
			if !errors.Is(err, desk.ErrForeignData) || !strings.Contains(err.Error(), "start it once with the very seed file") {
				t.Fatalf("a changed seed: %v", err)
			}
			with.seed = seedText
			d := open(t, with)
			id, state := d.HistoryID(), d.StateHash()
			with = d.closed()
			must(t, os.RemoveAll(filepath.Join(with.dir, "history.db")))
			with.seed = edited(t, tinLine, gold+tinLine, `"name": "Carol"`, `"name": "C"`)
			d = open(t, with)
			if d.StateHash() != state || d.HistoryID() != id {
				t.Error("the accounts or the identity have changed")
			}
			if d.replica(with.seed).StateHash() != state {
				t.Error("the journal alone results in another state")
			}
		})
	}
}

// TestHistoryID: a history keeps its identity, however it is started, until it gets a new one.
func TestHistoryID(t *testing.T) {
	d := open(t, setup{})
	id := d.HistoryID()
	if id == (desk.HistoryID{}) || id == open(t, setup{}).HistoryID() {
		t.Fatalf("%x names no history, or two", id)
	}
	d.buy(alice, tin, 1)
	for range 2 {
		for _, way := range ways {
			d = open(t, way.do(d))
			if d.HistoryID() != id {
				t.Errorf("%s: it is another one", way.name)
			}
		}
		with := d.closed()
		with.afresh = true
		d = open(t, with)
		if d.HistoryID() == id {
			t.Error("no new identity")
		}
		id = d.HistoryID()
		d.setup.afresh = false
	}
}

// TestHistoryIDOfAnEarlierRelease: the first start on its folder makes an identity, the next
// ones find it.
func TestHistoryIDOfAnEarlierRelease(t *testing.T) {
	with := withoutDefinitions(t, tradedFolder(t), func(e *desk.Entry) bool { return e.Genesis || len(e.Events) > 0 })
	d := open(t, with)
	id := d.HistoryID()
	if id == (desk.HistoryID{}) {
		t.Fatal("it has no identity")
	}
	for _, way := range ways {
		if d = open(t, way.do(d)); d.HistoryID() != id {
			t.Errorf("%s: it is another one", way.name)
		}
	}
}

// TestNothingKept: without a journal the history ends with the process.
func TestNothingKept(t *testing.T) {
	var p post
	d, _ := withCommitLog(t, &p)
	other, _ := withCommitLog(t, &p)
	if d.HistoryID() == (desk.HistoryID{}) || d.HistoryID() == other.HistoryID() {
		t.Errorf("%x and %x", d.HistoryID(), other.HistoryID())
	}
}

// TestOnlyEventsCount: definitions are no events.
func TestOnlyEventsCount(t *testing.T) {
	d := open(t, setup{})
	d.buy(alice, tin, 1)
	d.catchUp()
	if n := d.Stats().Records; n != 1 {
		t.Errorf("%d events made durable, want 1", n)
	}
	page, _, err := d.Executions(t.Context(), d.Account(alice), desk.Query{})
	if err != nil || len(page) != 1 {
		t.Errorf("%d executions, %v", len(page), err)
	}
}

func FuzzDecodeEntry(f *testing.F) {
	for _, e := range someEntries() {
		f.Add(desk.AppendEntry(nil, &e))
	}
	f.Add([]byte("\x03\xff\xff\x7f\x01A\x01B\x01"))
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := desk.DecodeEntry(record)
		if err != nil || len(e.Events) > 0 {
			return
		}
		again, err := desk.DecodeEntry(desk.AppendEntry(nil, &e))
		if err != nil || !bytes.Equal(desk.AppendEntry(nil, &again), desk.AppendEntry(nil, &e)) {
			t.Errorf("%+v\n%+v, %v", e, again, err)
		}
		_ = desk.NewBook().Add(&e)
	})
}

func someEntries() []desk.Entry {
	return []desk.Entry{
		{Genesis: true, Seed: [32]byte{1}},
		{Listings: []desk.Listing{{Key: seed.Key{Market: "ALFA", Code: "600100"}, Tick: 100}, {Key: seed.Key{Market: "BETA", Code: "1"}, Tick: 1}}},
		{Openings: []desk.Opening{{Customer: alice, Cash: -1, Holdings: 1 << 63}, {Customer: bob}}},
		{History: desk.HistoryID{1}},
		{Fence: &desk.Fence{Node: "n1", Run: [8]byte{1}}},
		{Market: &desk.MarketEvent{Kind: desk.MarketHalted, Time: -1, Prices: []desk.InstrumentPrice{{Instrument: 7}, {Instrument: 9}}}},
		{Script: &desk.ScriptPosition{Script: [32]byte{1}, Done: 100_000, Time: -1}},
		{Audit: &desk.Audit{Time: -1, Customer: alice, Name: "Älice", Session: 1 << 63, Address: "192.0.2.7:1", Command: "deposit",
			Text: "amount=1.00", Result: "OK", Message: "count=0", Unlisted: 1<<32 - 1}},
		{Audit: new(desk.Audit)},
		{Market: &desk.MarketEvent{Kind: desk.MarketClosed, Time: 1 << 60, Prices: []desk.InstrumentPrice{{Instrument: 7, Price: ledger.MaxPrice}}}},
	}
}

func FuzzRestoreBook(f *testing.F) {
	b := desk.NewBook()
	for _, e := range someEntries() {
		must(f, b.Add(&e))
	}
	m, err := market.New([]market.Instrument{{Market: "ALFA", Code: "600100", Tick: 100, Last: 100}, {ID: 1, Market: "BETA", Code: "1", Tick: 1, Last: 7}})
	must(f, err)
	m.SetHalted(1, true)
	f.Add(desk.AppendBook(nil, b, []ledger.Price{0, 5}, m))
	f.Fuzz(func(t *testing.T, state []byte) {
		_, stored, err := desk.RestoreBook(state, m)
		if err != nil {
			return
		}
		if _, _, err := desk.RestoreBook(stored, m); err != nil {
			t.Errorf("%x: %v", stored, err)
		}
	})
}

// TestBadDefinitions: definitions that contradict earlier ones are refused.
func TestBadDefinitions(t *testing.T) {
	listing := func(code string) []desk.Listing {
		return []desk.Listing{{Key: seed.Key{Market: "ALFA", Code: code}, Tick: 100}}
	}
	b := desk.NewBook()
	must(t, b.Add(&desk.Entry{Listings: listing("1")}))
	must(t, b.Add(&desk.Entry{Listings: listing("1")}))
	for name, e := range map[string]desk.Entry{
		"a gap":            {First: 2, Listings: listing("3")},
		"two for a number": {Listings: listing("2")},
	} {
		if err := b.Add(&e); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, record := range []string{"", "\x01short", "\x02", "\x03", "\x03\x00", "\x03\x00\x05A", "\x04", "\x04\x01\x02short", "\x05short", "\x05" + strings.Repeat("\x00", 16), "\x06what"} {
		if e, err := desk.DecodeEntry([]byte(record)); err == nil {
			t.Errorf("%q is %+v", record, e)
		}
	}
}
