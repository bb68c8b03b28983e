package client_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// book is the account of a fake server that replies in pages. It is the naive twin of a
// view: it remembers all positions and working orders after each push.
type book struct {
	mu       sync.Mutex
	random   *rand.Rand
	codes    []string // in the server's order, which is not that of the keys
	limit    int
	held     map[string]int64
	working  map[uint64]int64 // what is left of each working order
	cash     int64
	sequence uint64
	states   map[uint64]map[string]int64 // by sequence
	orders   map[uint64]map[uint64]int64 // by sequence
	conn     *fakeConn                   // logged in; gets the pushes
	ids      uint64
	still    bool // no trades between the pages
	resets   bool // the account is reset now and then
}

func newBook(seed uint64) *book {
	random := rand.New(rand.NewPCG(seed, 1))
	b := &book{
		random: random, limit: 1 + random.IntN(4), held: map[string]int64{}, states: map[uint64]map[string]int64{},
		working: map[uint64]int64{}, orders: map[uint64]map[uint64]int64{},
	}
	for i := range 12 {
		b.codes = append(b.codes, fmt.Sprintf("%02d", i))
	}
	random.Shuffle(len(b.codes), func(i, j int) { b.codes[i], b.codes[j] = b.codes[j], b.codes[i] })
	for range 20 {
		b.trade()
	}
	return b
}

// trade changes one position and pushes that.
func (b *book) trade() {
	code := b.codes[b.random.IntN(len(b.codes))]
	b.held[code] = max(0, int64(b.random.IntN(8))-3) // closed every other time
	if b.held[code] == 0 {
		delete(b.held, code)
	}
	b.ids++
	b.cash++
	b.sequence += 2
	b.states[b.sequence-1] = b.states[b.sequence-2]
	b.orders[b.sequence-1] = b.orders[b.sequence-2]
	b.remember()
	if b.conn == nil {
		return
	}
	b.conn.push(codec.PushExecution, b.sequence-1, &pb.Execution{ExecutionId: b.ids})
	b.conn.push(codec.PushPositionUpdate, b.sequence, &pb.PositionUpdate{
		Change: pb.Change_CHANGE_INCREASED, Position: row(code, b.held[code]), RowCount: 1, Cash: b.cash,
	})
}

func (b *book) remember() {
	b.states[b.sequence], b.orders[b.sequence] = maps.Clone(b.held), maps.Clone(b.working)
}

// order places an order, or changes or ends one, and pushes that.
func (b *book) order() {
	id := 1 + uint64(b.random.IntN(14))
	b.working[id] = max(0, int64(b.random.IntN(8))-3)
	if b.working[id] == 0 {
		delete(b.working, id)
	}
	b.cash++
	b.sequence++
	b.remember()
	if b.conn != nil {
		b.conn.push(codec.PushOrderUpdate, b.sequence, &pb.OrderUpdate{Order: workingOrder(id, b.working[id]), Cash: b.cash})
	}
}

// reset resets the account, with other positions than before.
func (b *book) reset() {
	clear(b.held)
	clear(b.working)
	for range 6 {
		b.held[b.codes[b.random.IntN(len(b.codes))]] = 100
	}
	b.cash = 1000
	b.sequence++
	b.remember()
	if b.conn != nil {
		b.conn.push(codec.PushAccountUpdate, b.sequence, &pb.AccountUpdate{Change: pb.AccountChange_ACCOUNT_CHANGE_RESET, Account: b.account()})
	}
}

func (b *book) account() *pb.Account {
	return &pb.Account{Cash: b.cash, FreeCash: b.cash, WorkingOrders: uint32(len(b.working))}
}

// workingOrder returns an order with a status that fits to what is left of it.
func workingOrder(id uint64, leaves int64) *pb.Order {
	status := pb.OrderStatus_ORDER_STATUS_NEW
	if leaves == 0 {
		status = pb.OrderStatus_ORDER_STATUS_CANCELLED
	}
	return &pb.Order{OrderId: id, Leaves: leaves, Status: status}
}

// trades trades up to twice.
func (b *book) trades() {
	for n := b.random.IntN(3); n > 0 && !b.still; n-- {
		switch k := b.random.IntN(100); {
		case k == 0 && b.resets:
			b.reset()
		case k < 50:
			b.order()
		default:
			b.trade()
		}
	}
}

// orderPage returns the working orders after one of them, and whether there are more.
func (b *book) orderPage(after uint64) (rows []*pb.Order, more bool) {
	for _, id := range slices.Sorted(maps.Keys(b.working)) {
		if id <= after {
			continue
		}
		if len(rows) == b.limit {
			return rows, true
		}
		rows = append(rows, workingOrder(id, b.working[id]))
	}
	return rows, false
}

// page returns the positions after one of them, and whether there are more.
func (b *book) page(after *pb.InstrumentKey) (rows []*pb.Position, more bool) {
	start := 0
	if after != nil {
		start = slices.Index(b.codes, after.Code) + 1
	}
	for _, code := range b.codes[start:] {
		if b.held[code] == 0 {
			continue
		}
		if len(rows) == b.limit {
			return rows, true
		}
		rows = append(rows, row(code, b.held[code]))
	}
	return rows, false
}

func (b *book) handle(c *fakeConn, m codec.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trades()
	switch m.Command {
	case codec.CommandLogin:
		rows, more := b.page(nil)
		c.answer(m, codec.ResultOK, &pb.LoginReply{Account: b.account(), Positions: rows, PushSequence: b.sequence, MorePositions: more})
		b.conn = c
	case codec.CommandPositions:
		var request pb.PositionsRequest
		request.UnmarshalVT(m.Body)
		rows, more := b.page(request.After)
		account := b.account()
		account.Customer = request.Customer
		c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: account, Positions: rows, PushSequence: b.sequence, More: more})
	case codec.CommandOrders:
		var request pb.OrdersRequest
		request.UnmarshalVT(m.Body)
		orders, more := b.orderPage(request.AfterOrderId)
		c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: orders, PushSequence: b.sequence, More: more})
	default:
		ok(c, m)
	}
	b.trades()
}

// last returns the number of the last push.
func (b *book) last() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sequence
}

// check compares positions with what the account held after a push.
func (b *book) check(t *testing.T, what string, sequence uint64, positions []client.Position) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := map[string]int64{}
	for _, p := range positions {
		got[p.Key.Code] = int64(p.Quantity)
	}
	if want := b.states[sequence]; !maps.Equal(got, want) || len(got) != len(positions) {
		t.Errorf("%s at push %d: got %v, want %v", what, sequence, got, want)
	}
	if !slices.IsSortedFunc(positions, func(x, y client.Position) int { return x.Key.Compare(y.Key) }) {
		t.Errorf("%s: not sorted: %v", what, positions)
	}
}

// checkOrders compares working orders with those of the account after a push.
func (b *book) checkOrders(t *testing.T, what string, sequence uint64, orders []client.OrderState) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := map[uint64]int64{}
	for _, o := range orders {
		got[uint64(o.ID)] = int64(o.Leaves)
	}
	if want := b.orders[sequence]; !maps.Equal(got, want) || len(got) != len(orders) {
		t.Errorf("%s at push %d: got %v, want %v", what, sequence, got, want)
	}
	if !slices.IsSortedFunc(orders, func(x, y client.OrderState) int { return cmp.Compare(x.ID, y.ID) }) {
		t.Errorf("%s: not sorted: %v", what, orders)
	}
}

// Positions are traded and orders change between the pages of a list. The lists that Login,
// Positions and Orders return, and the view, are those of the account at one moment.
func TestPagesAndPushes(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBook(seed)
			c := dial(t, b.handle, client.Options{})
			s := login(t, c)
			b.check(t, "login", s.Sequence, s.Positions)
			for range 10 {
				s, err := c.Positions(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b.check(t, "pull", s.Sequence, s.Positions)
			}
			b.checkOrders(t, "login", c.View().Display().Sequence, c.View().Display().Orders)
			for range 10 {
				list, err := c.Orders(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				b.checkOrders(t, "pull", list.Sequence, list.Orders)
			}
			d := awaitSequence(t, c, b.last())
			b.check(t, "view", d.Sequence, d.Positions)
			b.checkOrders(t, "view", d.Sequence, d.Orders)
			if d.Gaps+d.Doubles > 0 || int64(d.Account.Cash) != b.cash {
				t.Errorf("%d gaps, %d doubles, cash %s", d.Gaps, d.Doubles, d.Account.Cash)
			}
		})
	}
}

// The account is reset between the pages. The lists are still those of one moment, and in the
// end the view shows what the account has.
// TestPositionsOf: another customer's positions come in pages, and the own view stays as it is.
func TestPositionsOf(t *testing.T) {
	b := newBook(3)
	b.still = true
	c := dial(t, b.handle, client.Options{})
	login(t, c)
	before := c.View().Display()
	s, err := c.PositionsOf(t.Context(), 100_002)
	if err != nil || s.Account.Customer != 100_002 || len(s.Positions) <= b.limit {
		t.Fatalf("%+v, %v, with pages of %d", s, err, b.limit)
	}
	b.check(t, "another customer's", s.Sequence, s.Positions)
	if after := c.View().Display(); after.Account.Customer == 100_002 || len(after.Positions) != len(before.Positions) {
		t.Errorf("the view is now %+v", after)
	}
}

func TestPagesAndResets(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBook(seed)
			b.resets = true
			c := dial(t, b.handle, client.Options{})
			s := login(t, c)
			b.check(t, "login", s.Sequence, s.Positions)
			for range 10 {
				s, err := c.Positions(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				b.check(t, "pull", s.Sequence, s.Positions)
				list, err := c.Orders(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				b.checkOrders(t, "pull", list.Sequence, list.Orders)
			}
			b.mu.Lock()
			b.still = true
			b.reset()
			b.order()
			last := b.sequence
			b.mu.Unlock()
			d, err := c.View().Wait(t.Context(), func(d *client.Display) bool {
				return d.Sequence == last && len(d.Positions) == len(b.held) && len(d.Orders) == len(b.working)
			})
			if err != nil {
				t.Fatal(err)
			}
			b.check(t, "view", last, d.Positions)
			b.checkOrders(t, "view", last, d.Orders)
			if d.Gaps+d.Doubles > 0 || int64(d.Account.Cash) != b.cash {
				t.Errorf("%d gaps, %d doubles, cash %s", d.Gaps, d.Doubles, d.Account.Cash)
			}
		})
	}
}

func awaitSequence(t *testing.T, c *client.Client, last uint64) client.Display {
	t.Helper()
	d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence >= last })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Several goroutines request the positions in pages at the same time.
func TestPagesAtTheSameTime(t *testing.T) {
	b := newBook(1)
	c := dial(t, b.handle, client.Options{})
	login(t, c)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 20 {
				s, err := c.Positions(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				b.check(t, "pull", s.Sequence, s.Positions)
			}
		})
	}
	work.Wait()
	d := awaitSequence(t, c, b.last())
	b.check(t, "view", d.Sequence, d.Positions)
}

// A position that was closed while pushes were lost is in no page.
func TestPagesRemoveWhatIsGone(t *testing.T) {
	b := newBook(2)
	c := dial(t, b.handle, client.Options{})
	login(t, c)
	b.mu.Lock()
	b.conn = nil // its pushes are lost
	for range 50 {
		b.trade()
	}
	clear(b.held)
	b.held["07"], b.held["03"], b.limit = 5, 5, 1
	b.states[b.sequence] = maps.Clone(b.held)
	b.still = true
	b.mu.Unlock()
	s, err := c.Positions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, "pull", s.Sequence, s.Positions)
	b.check(t, "view", s.Sequence, c.View().Display().Positions)
}

// A login that fails after the first page leaves a view that lacks positions: the next one
// does not resume from it.
func TestReconnectAfterPartOfAList(t *testing.T) {
	var ends atomic.Bool
	b := newBook(3)
	b.held["01"], b.held["02"], b.limit, b.still = 5, 5, 1, true
	b.states[b.sequence] = maps.Clone(b.held)
	resumes := make(chan uint64, 3)
	c := dial(t, func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandLogin {
			var request pb.LoginRequest
			request.UnmarshalVT(m.Body)
			resumes <- request.ResumeFrom
		}
		if m.Command == codec.CommandPositions && ends.Load() {
			c.Close()
			return
		}
		b.handle(c, m)
	}, client.Options{})
	login(t, c)
	ends.Store(true)
	if _, _, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001)); err == nil {
		t.Fatal("no error")
	}
	ends.Store(false)
	reconnect(t, c)
	for _, want := range []uint64{0, b.sequence, 0} {
		if got := <-resumes; got != want {
			t.Errorf("resumed from %d, want %d", got, want)
		}
	}
	d := c.View().Display()
	b.check(t, "view", d.Sequence, d.Positions)
}

// instruments is a fake server with a long list. It ignores the limit of the request.
func instruments(total, page int, requests *[]*pb.QuotesRequest) handler {
	return func(c *fakeConn, m codec.Message) {
		request := new(pb.QuotesRequest)
		request.UnmarshalVT(m.Body)
		*requests = append(*requests, request)
		start := 0
		if request.After != nil {
			fmt.Sscan(request.After.Code, &start)
			start++
		}
		reply := &pb.QuotesReply{More: start+page < total}
		for i := start; i < min(start+page, total); i++ {
			reply.Instruments = append(reply.Instruments, &pb.Instrument{Market: "M", Code: fmt.Sprint(i)})
		}
		c.answer(m, codec.ResultOK, reply)
	}
}

func TestQuotesInPages(t *testing.T) {
	for _, tc := range []struct{ total, page, requests int }{
		{0, 1000, 1}, {999, 1000, 1}, {1000, 1000, 1}, {1001, 1000, 2}, {20_000, 1000, 20}, {100_000, 1000, 100},
	} {
		t.Run(fmt.Sprint(tc.total), func(t *testing.T) {
			var requests []*pb.QuotesRequest
			c := dial(t, instruments(tc.total, tc.page, &requests), client.Options{})
			list, err := c.Quotes(t.Context(), nil, true)
			if err != nil || len(list) != tc.total || list == nil {
				t.Fatalf("%d instruments, %v", len(list), err)
			}
			for i, instrument := range list {
				if instrument.Key.Code != fmt.Sprint(i) {
					t.Fatalf("instrument %d is %s", i, instrument.Key)
				}
			}
			if len(requests) != tc.requests {
				t.Errorf("%d requests, want %d", len(requests), tc.requests)
			}
			for _, r := range requests {
				if !r.Subscribe {
					t.Error("a page has ended the subscription")
				}
			}
		})
	}
}

// Each page names the same instruments.
func TestQuotesOfNamedInPages(t *testing.T) {
	var requests []*pb.QuotesRequest
	c := dial(t, instruments(3, 2, &requests), client.Options{})
	if _, err := c.Quotes(t.Context(), []client.Key{{Market: "M", Code: "0"}}, false); err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if len(r.Instruments) != 1 || r.Subscribe {
			t.Errorf("request %v", r)
		}
	}
}

// A server that always announces one more page does not keep the client for ever.
func TestPagesWithoutEnd(t *testing.T) {
	for name, codes := range map[string][]string{
		"the same again": {"1"},
		"in a circle":    {"1", "2", "3"},
		"empty":          {""},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			next := func() (quotes []*pb.Instrument, rows []*pb.Position) {
				code := codes[n%len(codes)]
				n++
				if code == "" {
					return nil, nil
				}
				return []*pb.Instrument{{Market: "M", Code: code}}, []*pb.Position{row(code, 1)}
			}
			c := dial(t, func(c *fakeConn, m codec.Message) {
				quotes, rows := next()
				switch m.Command {
				case codec.CommandOrders:
					reply := &pb.OrdersReply{More: true}
					for range rows {
						reply.Orders = append(reply.Orders, &pb.Order{OrderId: 1 + uint64(n)%2})
					}
					c.answer(m, codec.ResultOK, reply)
				case codec.CommandQuotes:
					c.answer(m, codec.ResultOK, &pb.QuotesReply{Instruments: quotes, More: true})
				case codec.CommandLogin:
					c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{}, Positions: rows, MorePositions: true})
				case codec.CommandPositions:
					c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{}, Positions: rows, More: true})
				}
			}, client.Options{})
			_, quotes := c.Quotes(t.Context(), nil, false)
			_, positions := c.Positions(t.Context())
			_, logged := c.Login(t.Context(), 1, client.DemoToken(1))
			_, own := c.Orders(t.Context(), 0)
			_, others := c.Orders(t.Context(), 7)
			for _, err := range []error{quotes, positions, logged, own, others} {
				if !errors.Is(err, client.ErrProtocol) || !strings.Contains(err.Error(), "leads nowhere") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}
