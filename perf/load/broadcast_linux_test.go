package load_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// ticker is a server that sends quotes to those who subscribe.
type ticker struct {
	mu          sync.Mutex
	subscribers []*peer
}

func (q *ticker) answer(p *peer, m codec.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var request pb.QuotesRequest
	if m.Command == codec.CommandQuotes && request.UnmarshalVT(m.Body) == nil && request.Subscribe {
		q.subscribers = append(q.subscribers, p)
	}
	answer(p, m)
}

// send sends a quote to all but the last skip subscribers. The time of each is 1 ms earlier
// than that of the one before.
func (q *ticker) send(price int64, at time.Time, skip int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, p := range q.subscribers[:len(q.subscribers)-skip] {
		quote := &pb.Quote{Market: "SH", Code: "600000", LastPrice: price, Time: at.UnixNano() - int64(i)*1e6}
		p.conn.Write(p.dialect.AppendPush(nil, codec.PushQuote, 0, quote))
	}
}

// A price that comes back is another quote, also if the first did not reach all, or came
// before all had subscribed.
func TestBroadcastOfTheSamePrice(t *testing.T) {
	q := load.NewQuotes(3)
	price := func(p int64) []byte {
		b, err := (&pb.Quote{Market: "SH", Code: "600000", LastPrice: p, Time: 1}).MarshalVT()
		must(t, err)
		return b
	}
	steps := []struct {
		connection          int
		price               int64
		reached, incomplete uint64 // afterwards
	}{
		{0, 100, 0, 1},
		{1, 100, 0, 1},
		{2, 100, 1, 0},
		{0, 100, 1, 1}, // again
		{0, 101, 1, 2},
		{1, 100, 1, 2},
		{0, 100, 1, 3}, // 2 did not get it
		{1, 100, 1, 3},
		{2, 100, 2, 2},
	}
	q.Take(0, price(100))
	q.Start()
	for i, s := range steps {
		q.Take(s.connection, price(s.price))
		if reached, incomplete := q.Counts(); reached != s.reached || incomplete != s.incomplete {
			t.Errorf("step %d: %d quotes reached all, %d are incomplete, want %+v", i, reached, incomplete, s)
		}
	}
}

// A price that comes back after a while is another quote, also for those who lack the first.
func TestBroadcastOfALaterPrice(t *testing.T) {
	q := load.NewQuotes(3)
	price := func(at time.Duration) []byte {
		b, err := (&pb.Quote{Market: "SH", Code: "600000", LastPrice: 100, Time: int64(at)}).MarshalVT()
		must(t, err)
		return b
	}
	q.Take(2, price(1))
	for _, connection := range []int{0, 2, 1} {
		q.Take(connection, price(2*time.Second))
	}
	if reached, incomplete := q.Counts(); reached != 1 || incomplete != 1 {
		t.Errorf("%d quotes reached all, %d are incomplete, want 1 and 1", reached, incomplete)
	}
}

// A server without quotes is no success without a word.
func TestBroadcastWithoutQuotes(t *testing.T) {
	o := dialectTo(t, load.DialectPacket, answer)
	o.Workload, o.Accounts = load.Broadcast, ordersTo(load.Options{}).Accounts
	r, err := load.Run(t.Context(), o)
	if err != nil || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "no quote came") {
		t.Errorf("error %v, notes %q", err, r.Notes)
	}
}

// A run that is stopped does not count what was on its way.
func TestStoppedBroadcastHasNoErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := new(ticker)
	o := dialectTo(t, load.DialectPacket, q.answer)
	o.Workload, o.Connections, o.Accounts = load.Broadcast, 4, ordersTo(load.Options{}).Accounts
	o.During = func(context.Context) error {
		q.send(100, time.Now(), 1)
		cancel()
		return nil
	}
	r, err := load.Run(ctx, o)
	if r == nil || !errors.Is(err, context.Canceled) || r.ErrorCount() != 0 {
		t.Errorf("error %v, report %+v", err, r)
	}
}

func TestBroadcast(t *testing.T) {
	for _, d := range []load.Dialect{load.DialectPacket, load.DialectTLV, load.DialectWebSocket, load.DialectMixed} {
		for skip, want := range []map[string]uint64{{}, {"broadcasts incomplete": 3}} {
			t.Run(fmt.Sprintf("%s, %d of 4 left out", d, skip), func(t *testing.T) {
				q := new(ticker)
				o := dialectTo(t, d, q.answer)
				o.Workload, o.Connections, o.Accounts, o.Drain = load.Broadcast, 4, ordersTo(load.Options{}).Accounts, 50*time.Millisecond
				o.During = func(context.Context) error {
					for price := range int64(3) {
						q.send(100+price, time.Now().Add(-time.Second/2), skip)
					}
					return nil
				}
				o.Duration = 50 * time.Millisecond
				r, err := load.Run(t.Context(), o)
				if err != nil || !maps.Equal(r.Errors, want) {
					t.Fatalf("error %v, report %+v", err, r)
				}
				if r.Requests != 3-want["broadcasts incomplete"] {
					t.Errorf("%d quotes reached all", r.Requests)
				}
				if skip == 0 && r.Latency.Max < 503e3 {
					t.Errorf("the last one had a quote after %v us, want 503 ms since its first time", r.Latency.Max)
				}
			})
		}
	}
}
