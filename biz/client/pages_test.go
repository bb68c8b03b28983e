package client_test

import (
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
// view: it remembers all positions after each push.
type book struct {
	mu       sync.Mutex
	random   *rand.Rand
	codes    []string // in the server's order, which is not that of the keys
	limit    int
	held     map[string]int64
	sequence uint64
	states   map[uint64]map[string]int64 // by sequence
	conn     *fakeConn                   // logged in; gets the pushes
	ids      uint64
	still    bool // no trades between the pages
}

func newBook(seed uint64) *book {
	random := rand.New(rand.NewPCG(seed, 1))
	b := &book{random: random, limit: 1 + random.IntN(4), held: map[string]int64{}, states: map[uint64]map[string]int64{}}
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
	b.sequence += 2
	b.states[b.sequence-1] = b.states[b.sequence-2]
	b.states[b.sequence] = maps.Clone(b.held)
	if b.conn == nil {
		return
	}
	b.conn.push(codec.PushExecution, b.sequence-1, &pb.Execution{ExecutionId: b.ids})
	b.conn.send(updateFrame(b.sequence, pb.Change_CHANGE_INCREASED, row(code, b.held[code])))
}

// trades trades up to twice.
func (b *book) trades() {
	for n := b.random.IntN(3); n > 0 && !b.still; n-- {
		b.trade()
	}
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
		c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{}, Positions: rows, PushSequence: b.sequence, MorePositions: more})
		b.conn = c
	case codec.CommandPositions:
		var request pb.PositionsRequest
		request.UnmarshalVT(m.Body)
		rows, more := b.page(request.After)
		c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{}, Positions: rows, PushSequence: b.sequence, More: more})
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

// Positions are traded between the pages of a list. The lists that Login and Positions
// return, and the view, are what the account held at one moment.
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
			d := awaitSequence(t, c, b.last())
			b.check(t, "view", d.Sequence, d.Positions)
			if d.Gaps+d.Doubles > 0 {
				t.Errorf("%d gaps, %d doubles", d.Gaps, d.Doubles)
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
			for _, err := range []error{quotes, positions, logged} {
				if !errors.Is(err, client.ErrProtocol) || !strings.Contains(err.Error(), "leads nowhere") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}
