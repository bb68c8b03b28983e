package gateway_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// pageBytes is the most that a page may have, with the fields beside its rows.
const pageBytes = 128<<10 + 1<<10

// manyInstruments returns the test seed with that many instruments in all. Names are of
// nameSize bytes. alice has a share of each of the first held instruments.
func manyInstruments(t testing.TB, all, nameSize, held int) *seed.Seed {
	t.Helper()
	s := newSeed(t, "Tin")
	for n := len(s.Instruments); n < all; n++ {
		code := fmt.Sprintf("%0*d", max(6, nameSize), n)
		s.Instruments = append(s.Instruments, market.Instrument{
			ID: ledger.InstrumentID(n), Market: "M" + strings.Repeat("x", max(1, nameSize)-1), Code: code, Name: code, Tick: 100, Last: 10_0000,
		})
	}
	for i := range s.Customers {
		c := &s.Customers[i]
		if c.Number != ledger.Customer(alice) {
			continue
		}
		c.Holdings = nil
		for n := range held {
			c.Holdings = append(c.Holdings, ledger.Holding{Instrument: ledger.InstrumentID(n), Quantity: 100, Cost: 100})
		}
	}
	return s
}

// keyOf returns the key of an instrument of a seed.
func keyOf(i *market.Instrument) *pb.InstrumentKey {
	return &pb.InstrumentKey{Market: i.Market, Code: i.Code}
}

func keysOf(list []market.Instrument) (keys []*pb.InstrumentKey) {
	for i := range list {
		keys = append(keys, keyOf(&list[i]))
	}
	return keys
}

// words returns keys as text.
func words(keys []*pb.InstrumentKey) (text []string) {
	for _, k := range keys {
		text = append(text, k.Market+"/"+k.Code)
	}
	return text
}

// pagesOf reads all pages of a Quotes request and returns the keys of their rows, and how many
// rows each page has.
func (w *wire) pagesOf(request *pb.QuotesRequest) (keys []*pb.InstrumentKey, sizes []int) {
	w.t.Helper()
	for more := true; more; {
		r, body := w.ask(codec.CommandQuotes, 7, request)
		var page pb.QuotesReply
		must(w.t, page.UnmarshalVT(body))
		if r != codec.ResultOK || len(body) > pageBytes || len(page.Instruments) == 0 {
			w.t.Fatalf("%s, %d rows in %d bytes", r, len(page.Instruments), len(body))
		}
		for _, i := range page.Instruments {
			keys = append(keys, &pb.InstrumentKey{Market: i.Market, Code: i.Code})
		}
		sizes = append(sizes, len(page.Instruments))
		request.After, more = keys[len(keys)-1], page.More
	}
	return keys, sizes
}

// TestQuotesPages: the pages of a list have all its instruments once, in its order.
func TestQuotesPages(t *testing.T) {
	short, long := manyInstruments(t, 2500, 0, 0), manyInstruments(t, 2500, market.MaxNameSize, 0)
	backwards := keysOf(short.Instruments)
	slices.Reverse(backwards)
	twice := slices.Concat(backwards[:3], backwards[1:5], backwards[:1])
	cases := []struct {
		name    string
		seed    *seed.Seed
		request *pb.QuotesRequest
		want    []*pb.InstrumentKey
		sizes   []int // nil: any
	}{
		{"all", short, &pb.QuotesRequest{}, keysOf(short.Instruments), []int{1000, 1000, 500}},
		{"the largest limit", short, &pb.QuotesRequest{Limit: 1000}, keysOf(short.Instruments), []int{1000, 1000, 500}},
		{"a limit too large", short, &pb.QuotesRequest{Limit: 4_000_000_000}, keysOf(short.Instruments), []int{1000, 1000, 500}},
		{"the end at the end of a page", short, &pb.QuotesRequest{Limit: 625}, keysOf(short.Instruments), []int{625, 625, 625, 625}},
		{"long names", long, &pb.QuotesRequest{}, keysOf(long.Instruments), nil},
		{"a list", short, &pb.QuotesRequest{Instruments: backwards}, backwards, []int{1000, 1000, 500}},
		{"a list with doubles", short, &pb.QuotesRequest{Instruments: twice, Limit: 2}, backwards[:5], []int{2, 2, 1}},
		{"one", short, &pb.QuotesRequest{Instruments: backwards[:1], Limit: 1}, backwards[:1], []int{1}},
	}
	servers := map[*seed.Seed]*server{short: start(t, setup{seed: short}), long: start(t, setup{seed: long})}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := servers[tc.seed].wire()
			w.t = t
			w.login(dave)
			keys, sizes := w.pagesOf(tc.request)
			if !slices.Equal(words(keys), words(tc.want)) {
				t.Errorf("%d rows, want %d in their order", len(keys), len(tc.want))
			}
			if tc.sizes != nil && !slices.Equal(sizes, tc.sizes) {
				t.Errorf("pages of %v rows, want %v", sizes, tc.sizes)
			}
			if tc.sizes == nil && sizes[0] >= 1000 {
				t.Errorf("pages of %v rows, want some to end before 1000", sizes)
			}
		})
	}
}

// TestSubscriptionHasNoPages: one page subscribes to the whole list, and the next ones keep it.
// A page that is refused changes nothing.
func TestSubscriptionHasNoPages(t *testing.T) {
	many := manyInstruments(t, 2500, 0, 0)
	last := ledger.InstrumentID(2499)
	for _, named := range []bool{false, true} {
		t.Run(fmt.Sprintf("named=%t", named), func(t *testing.T) {
			s := start(t, setup{seed: many})
			w := s.wire()
			w.login(dave)
			request := &pb.QuotesRequest{Subscribe: true, Limit: 10}
			if named {
				request.Instruments = keysOf(many.Instruments)
			}
			for page := range 3 {
				if r, _ := w.ask(codec.CommandQuotes, 7, request); r != codec.ResultOK {
					t.Fatal(r)
				}
				request.After = keyOf(&many.Instruments[10*page+9])
				refused := &pb.QuotesRequest{Instruments: request.Instruments, After: &pb.InstrumentKey{Market: "X", Code: "Y"}}
				if r, _ := w.ask(codec.CommandQuotes, 8, refused); r != codec.ResultRejected {
					t.Errorf("after an unknown instrument: %s", r)
				}
				s.service.MovePrice(last, ledger.Price(11_0000+100*page))
				m := w.next()
				var q pb.Quote
				must(t, q.UnmarshalVT(m.Body))
				if m.Command != codec.PushQuote || q.Code != many.Instruments[last].Code || q.LastPrice != int64(11_0000+100*page) {
					t.Errorf("page %d: %s of %s", page, m.Command, q.Code)
				}
			}
			if n := s.service.Subscribers(); n != 1 {
				t.Errorf("%d subscribers", n)
			}
		})
	}
}

// positionsAfter returns the page of positions after that one.
func (w *wire) positionsAfter(after *pb.InstrumentKey, limit uint32) *pb.PositionsReply {
	w.t.Helper()
	w.send(codec.CommandPositions, 7, &pb.PositionsRequest{Limit: limit, After: after})
	m := w.next()
	for m.Command != codec.CommandPositions.Reply() { // pushes
		m = w.next()
	}
	page := new(pb.PositionsReply)
	must(w.t, page.UnmarshalVT(m.Body[1:]))
	if r := codec.Result(m.Body[0]); r != codec.ResultOK || len(m.Body) > pageBytes {
		w.t.Fatalf("%s in %d bytes", r, len(m.Body))
	}
	return page
}

// TestPositionsPages: the login has the first page, Positions the others. Every page has the
// total of all positions.
func TestPositionsPages(t *testing.T) {
	for name, tc := range map[string]struct{ nameSize, held int }{
		"short names": {0, 2500}, "long names": {market.MaxNameSize, 2500}, "only too many bytes for a page": {market.MaxNameSize, 900},
	} {
		t.Run(name, func(t *testing.T) {
			nameSize, held := tc.nameSize, tc.held
			many := manyInstruments(t, 3000, nameSize, held)
			s := start(t, setup{seed: many})
			w := s.wire()
			r, body := w.ask(codec.CommandLogin, 1, tokenLogin(alice))
			var welcome pb.LoginReply
			must(t, welcome.UnmarshalVT(body))
			if r != codec.ResultOK || !welcome.MorePositions || len(body) > pageBytes {
				t.Fatalf("login: %s, more %t, %d bytes", r, welcome.MorePositions, len(body))
			}
			full := len(welcome.Positions)
			if full > 1000 || (full == 1000) != (nameSize == 0) {
				t.Errorf("the login has %d positions", full)
			}
			if first := w.positionsAfter(nil, 0); len(first.Positions) != full || !first.More {
				t.Errorf("the first page has %d positions, more %t", len(first.Positions), first.More)
			}
			all := welcome.Positions
			for more := true; more; {
				last := all[len(all)-1]
				page := w.positionsAfter(&pb.InstrumentKey{Market: last.Market, Code: last.Code}, 5000)
				if page.MarketValue != welcome.Account.MarketValue || page.Account.MarketValue != page.MarketValue {
					t.Errorf("market value %d, want %d", page.MarketValue, welcome.Account.MarketValue)
				}
				all, more = append(all, page.Positions...), page.More
			}
			for n, p := range all {
				if p.Code != many.Instruments[n].Code {
					t.Fatalf("row %d is %s", n, p.Code)
				}
			}
			if len(all) != held {
				t.Errorf("%d positions", len(all))
			}
		})
	}
}

// TestPositionsChangeBetweenPages: positions that open and close between two pages do not make
// others be missed or come twice, and the last row of a page may be closed.
func TestPositionsChangeBetweenPages(t *testing.T) {
	many := manyInstruments(t, 40, 0, 30)
	s := start(t, setup{seed: many})
	w := s.wire()
	w.login(alice)
	key := func(n int) *pb.InstrumentKey { return keyOf(&many.Instruments[n]) }
	trade := func(side pb.Side, n int) {
		t.Helper()
		w.send(codec.CommandPlaceOrder, 9, &pb.PlaceOrderRequest{Side: side, Market: key(n).Market, Code: key(n).Code, Quantity: 100})
		for {
			m := w.next()
			if m.Command != codec.CommandPlaceOrder.Reply() {
				continue
			}
			if r := codec.Result(m.Body[0]); r != codec.ResultOK {
				t.Fatalf("order in %s: %s", key(n).Code, r)
			}
			return
		}
	}
	codes := func(page *pb.PositionsReply) (list []string) {
		for _, p := range page.Positions {
			list = append(list, p.Code)
		}
		return list
	}
	want := func(page *pb.PositionsReply, numbers ...int) {
		t.Helper()
		var list []string
		for _, n := range numbers {
			list = append(list, key(n).Code)
		}
		if !slices.Equal(codes(page), list) {
			t.Errorf("page %v, want %v", codes(page), list)
		}
	}
	want(w.positionsAfter(key(9), 4), 10, 11, 12, 13)
	trade(pb.Side_SIDE_SELL, 13) // the last row
	trade(pb.Side_SIDE_SELL, 5)  // on the page before
	trade(pb.Side_SIDE_SELL, 15) // on the page to come
	trade(pb.Side_SIDE_BUY, 35)
	want(w.positionsAfter(key(13), 4), 14, 16, 17, 18)
	page := w.positionsAfter(key(28), 4)
	want(page, 29, 35)
	if page.More {
		t.Error("more after the last")
	}
	want(w.positionsAfter(key(39), 4))
	r, body := w.ask(codec.CommandPositions, 7, &pb.PositionsRequest{After: &pb.InstrumentKey{Market: "X", Code: "Y"}})
	var e pb.Error
	must(t, e.UnmarshalVT(body))
	if r != codec.ResultRejected || e.Reason != pb.Reason_REASON_UNKNOWN_INSTRUMENT {
		t.Errorf("after an unknown instrument: %s %s", r, e.Reason)
	}
}

// TestLargestRows: the largest page of History is far below a frame.
func TestLargestRows(t *testing.T) {
	name := strings.Repeat("n", market.MaxNameSize)
	row := &pb.Execution{
		ExecutionId: 1 << 63, OrderId: 1 << 63, Customer: 1 << 31, ClientOrderId: strings.Repeat("c", ledger.ClientOrderIDSize),
		Side: pb.Side_SIDE_SELL, Market: name, Code: name, Quantity: -1, Price: -1, Time: -1, Busted: true,
		BustReason: strings.Repeat("r", ledger.MaxReason), Fee: -1, Corrects: 1 << 63, CorrectedBy: 1 << 63,
	}
	if size := 1000 * (row.SizeVT() + 4); size > codec.DefaultMaxFrame/2 {
		t.Errorf("%d bytes", size)
	}
}

// TestRefusalsForPeople: the text of a refusal names no package and shows no internal error.
func TestRefusalsForPeople(t *testing.T) {
	for _, err := range gateway.AllErrors() {
		result, e := gateway.Refusal(fmt.Errorf("customer 7: %w", err))
		if errors.As(err, new(ledger.Refusal)) { // its texts are for clients, with what is wrapped around
			result, e = gateway.Refusal(fmt.Errorf("%w: with figures", err))
		}
		if result == codec.ResultOK || !forPeople(e.Message) || (result == codec.ResultRejected) != (e.Reason != 0) {
			t.Errorf("%v: %s %s %q", err, result, e.Reason, e.Message)
		}
	}
}

// forPeople reports whether a text could be written for people: it does not begin with a word
// and a colon, and names no package.
func forPeople(text string) bool {
	for _, name := range []string{"ledger", "desk", "history", "journal", "market", "gateway", "engine", "codec", "proto", "pb", "sqlite", "sql", "nats", "io", "os", "json"} {
		if strings.Contains(" "+text, " "+name+": ") {
			return false
		}
	}
	return text != "" && !strings.Contains(text, "EOF") && !strings.Contains(text, "customer 7")
}
