package load_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// short returns a short load.
func short(addr string) load.Options {
	return load.Options{Addr: addr, Connections: 3, Depth: 4, Duration: 150 * time.Millisecond}
}

// long returns a load that an error should end early.
func long(addr string) load.Options {
	return load.Options{Addr: addr, Duration: 5 * time.Second, Drain: time.Second}
}

func ordersTo(o load.Options) load.Options {
	o.Workload = load.Orders
	o.Accounts = []load.Account{{Customer: 100001, Token: []byte("t1")}, {Customer: 100002, Token: []byte("t2")}}
	o.Instruments = [][2]string{{"SH", "600000"}, {"SZ", "1"}}
	return o
}

func TestRunAgainstGoodServer(t *testing.T) {
	cases := []struct {
		name   string
		change func(o *load.Options)
		pushes bool
	}{
		{"submit", func(*load.Options) {}, false},
		{"heartbeat", func(o *load.Options) { o.Workload = load.Heartbeat }, false},
		{"orders", func(o *load.Options) { *o = ordersTo(*o) }, true},
		{"positions", func(o *load.Options) { *o = ordersTo(*o); o.Workload = load.Positions }, false},
		{"warm-up", func(o *load.Options) { o.Warmup = 20 * time.Millisecond }, false},
		{"open loop", func(o *load.Options) { o.Rate = 2000 }, false},
		{"open loop of orders", func(o *load.Options) { *o = ordersTo(*o); o.Rate = 2000 }, true},
		{"think time", func(o *load.Options) { o.Interval = load.Interval{Min: 0, Max: 5 * time.Millisecond} }, false},
		{"idle", func(o *load.Options) { o.Workload = load.Idle; o.KeepAlive = 20 * time.Millisecond }, false},
		{"several sources", func(o *load.Options) { o.Sources = 3 }, false},
		{"progress", func(o *load.Options) { o.Progress = io.Discard }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := short(fakeServer(t, answer))
			c.change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.ErrorCount() != 0 || len(r.Results) != 0 {
				t.Errorf("errors %v, refusals %v: %v", r.Errors, r.Results, r.Samples)
			}
			if r.Requests == 0 || r.Latency.Count == 0 || r.BytesIn == 0 || r.BytesOut == 0 {
				t.Errorf("nothing measured: %+v", r)
			}
			if o.Rate == 0 && o.Workload != load.Idle && r.Latency.Count != r.Requests {
				t.Errorf("%d latencies of %d requests", r.Latency.Count, r.Requests)
			}
			if (r.PushCount() > 0) != c.pushes {
				t.Errorf("pushes: %v", r.Pushes)
			}
		})
	}
}

func TestRunFindsWrongReplies(t *testing.T) {
	raw := func(b ...byte) behaviour {
		return func(p *peer, _ codec.Message) { p.out = append(p.out, b...) }
	}
	cases := []struct {
		name string
		b    behaviour
		want error
		kind string
	}{
		{"wrong id", func(p *peer, m codec.Message) { m.ID++; answer(p, m) }, load.ErrWrongID, "wrong id"},
		{"another connection's id", func(p *peer, m codec.Message) { m.ID += 1 << 32; answer(p, m) }, load.ErrWrongID, "wrong id"},
		{"answered twice", func(p *peer, m codec.Message) { answer(p, m); answer(p, m) }, load.ErrUnexpected, "wrong id"},
		{"wrong command", func(p *peer, m codec.Message) { m.Command = codec.CommandHeartbeat; answer(p, m) }, load.ErrWrongCommand, "wrong command"},
		{"a request", func(p *peer, m codec.Message) { p.out = codec.AppendMessage(p.out, m) }, load.ErrWrongCommand, "wrong command"},
		{"length below a header", raw(0, 0, 0, 12), load.ErrWrongLength, "wrong length"},
		{"length zero", raw(0, 0, 0, 0), load.ErrWrongLength, "wrong length"},
		{"length of 4 GiB", raw(255, 255, 255, 255), load.ErrWrongLength, "wrong length"},
		{"too short", func(p *peer, m codec.Message) { p.out = codec.AppendHeader(p.out, m.Command.Reply(), m.ID, 0) }, load.ErrWrongLength, "wrong length"},
		{"too long", func(p *peer, m codec.Message) {
			p.out = append(codec.AppendHeader(p.out, m.Command.Reply(), m.ID, 2), 0, 0)
		}, load.ErrWrongLength, "wrong length"},
		{"reset", func(p *peer, _ codec.Message) { p.hangUp(true) }, syscall.ECONNRESET, "reset"},
		{"closed", func(p *peer, _ codec.Message) { p.hangUp(false) }, load.ErrClosed, "closed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := load.Run(t.Context(), long(fakeServer(t, from(3, c.b))))
			if !errors.Is(err, c.want) || !errors.Is(err, load.ErrAllLost) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if r == nil || r.Errors[c.kind] != 1 || len(r.Samples) != 1 {
				t.Errorf("report %+v, want one error of kind %q", r, c.kind)
			}
			if r != nil && r.Requests < 2 {
				t.Errorf("%d requests before the fault, want 2 or more", r.Requests)
			}
		})
	}
}

func TestRunFindsPushGap(t *testing.T) {
	skip := func(p *peer, m codec.Message) { p.push++; answer(p, m) }
	double := func(p *peer, m codec.Message) { p.push--; answer(p, m) }
	for name, b := range map[string]behaviour{"gap": skip, "double": double} {
		t.Run(name, func(t *testing.T) {
			o := ordersTo(long(fakeServer(t, from(4, b))))
			r, err := load.Run(t.Context(), o)
			if !errors.Is(err, load.ErrPushGap) || r.Errors["push gap"] != 1 {
				t.Errorf("error %v, report %+v, want a push gap", err, r)
			}
		})
	}
}

func TestRunReportsTheNotice(t *testing.T) {
	b := func(p *peer, _ codec.Message) {
		p.out = codec.AppendRequest(p.out, codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_OVERLOADED, Text: "too much"})
		p.hangUp(false)
	}
	for name, n := range map[string]int{"while connecting": 0, "under load": 3} {
		t.Run(name, func(t *testing.T) {
			o := long(fakeServer(t, from(n, b)))
			o.ConnectTimeout = 3 * time.Second // it tries again until then
			_, err := load.Run(t.Context(), o)
			if !errors.Is(err, load.ErrClosed) || !strings.Contains(err.Error(), "OVERLOADED too much") {
				t.Errorf("error %v, want the notice in it", err)
			}
		})
	}
}

func TestRunCountsRefusals(t *testing.T) {
	o := ordersTo(short(fakeServer(t, from(2, func(p *peer, m codec.Message) {
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BAD_LOT, Message: "not a lot"})
	}))))
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Results["REJECTED"] == 0 || r.ErrorCount() != 0 {
		t.Errorf("refusals %v, errors %v", r.Results, r.Errors)
	}
	if len(r.Samples) != 1 || !strings.Contains(r.Samples[0], "BAD_LOT not a lot") {
		t.Errorf("samples %q, want the reason once", r.Samples)
	}
}

func TestRunCountsUnanswered(t *testing.T) {
	for name, change := range map[string]func(o *load.Options){
		"closed loop": func(*load.Options) {},
		"open loop":   func(o *load.Options) { o.Rate = 1e6 },
	} {
		t.Run(name, func(t *testing.T) {
			o := short(fakeServer(t, from(1, func(*peer, codec.Message) {})))
			o.Duration, o.Drain = 20*time.Millisecond, 20*time.Millisecond
			change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			open := uint64(o.Connections * o.Depth)
			if o.Rate > 0 {
				open = uint64(o.Rate * o.Duration.Seconds())
			}
			if r.Errors["unanswered"] != open || r.Requests != 0 {
				t.Errorf("%d requests, errors %v, want %d unanswered", r.Requests, r.Errors, open)
			}
		})
	}
}

// In an open loop every due request is answered or counted as unanswered, also those that
// a lost connection had not yet sent because of its depth.
func TestRunAccountsForTheWholeTimetable(t *testing.T) {
	o := short(fakeServer(t, func(p *peer, m codec.Message) {
		switch {
		case p.born == 0 && p.n == 1: // silent, so that requests pile up
		case p.born == 0 && p.n > 1:
			p.hangUp(false)
		case p.born == 1 && p.n == 5:
			p.hangUp(false)
		default:
			answer(p, m)
		}
	}))
	o.Depth, o.Rate, o.Duration, o.Drain = 1, 1e6, 50*time.Millisecond, 500*time.Millisecond
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Latency.Count + r.Errors["unanswered"]; got != 50000 {
		t.Errorf("%d answered and %d unanswered of 50000", r.Latency.Count, r.Errors["unanswered"])
	}
	if r.Errors["closed"] != 1 {
		t.Errorf("errors %v, want the loss of connection 1", r.Errors)
	}
}

// The server does not answer before request 50, which is due 49 ms after the first, so
// the first waits at least that long.
func TestRunCountsLatencyFromTheTimetable(t *testing.T) {
	o := short("")
	o.Connections, o.Depth, o.Rate = 1, 64, 1000
	var held []codec.Message
	o.Addr = fakeServer(t, func(p *peer, m codec.Message) {
		held = append(held, m)
		if p.n > 0 && p.n < 50 {
			return
		}
		for _, m := range held {
			answer(p, m)
		}
		held = held[:0]
	})
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Latency.Count != 150 || r.Latency.Max < 48.9e3 {
		t.Errorf("%d latencies, the longest %v us, want 150 and 49 ms or more", r.Latency.Count, r.Latency.Max)
	}
}

func TestRunJoinsSplitFrames(t *testing.T) {
	o := ordersTo(short(fakeServerWith(t, answer, (*peer).flushBytes)))
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Requests == 0 {
		t.Errorf("error %v, report %+v", err, r)
	}
}

// With more requests than a socket buffer holds, unsent output must arrive later, in
// order and undamaged.
func TestRunDeeperThanTheSocket(t *testing.T) {
	var damaged atomic.Int64
	var first sync.Map
	o := short(fakeServer(t, func(p *peer, m codec.Message) {
		if p.n > 0 {
			if body, loaded := first.LoadOrStore("body", string(m.Body)); loaded && body != string(m.Body) {
				damaged.Add(1)
			}
			if m.ID != uint64(p.n) {
				damaged.Add(1)
			}
		}
		answer(p, m)
	}))
	o.Connections, o.Depth = 1, 1<<16
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 {
		t.Fatalf("error %v, errors %v", err, r.Errors)
	}
	if damaged.Load() != 0 {
		t.Errorf("%d requests arrived damaged", damaged.Load())
	}
}

func TestRunEndsWithTooManyErrors(t *testing.T) {
	o := long(fakeServer(t, func(p *peer, m codec.Message) {
		if p.n > 0 && p.born < 5 {
			m.ID++
		}
		answer(p, m)
	}))
	o.Connections, o.MaxErrors = 20, 3
	r, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrTooManyErrors) || !errors.Is(err, load.ErrWrongID) {
		t.Fatalf("error %v", err)
	}
	if got := r.Errors["wrong id"]; got < 4 || got > 5 {
		t.Errorf("%d errors, want the 4 that end the run or all 5", got)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	for name, n := range map[string]int{"under load": 5, "while connecting": 0} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			addr := fakeServer(t, from(n, func(*peer, codec.Message) { cancel() }))
			r, err := load.Run(ctx, long(addr))
			if !errors.Is(err, context.Canceled) || (r != nil) != (n > 0) {
				t.Errorf("report %v, error %v", r, err)
			}
			if r != nil && r.ErrorCount() != 0 { // the requests in flight
				t.Errorf("errors %v", r.Errors)
			}
		})
	}
}

func TestRunTriesAgain(t *testing.T) {
	var resets atomic.Int64
	o := short(fakeServer(t, func(p *peer, m codec.Message) {
		if p.n == 0 && resets.Add(1) <= 4 {
			p.hangUp(true)
			return
		}
		answer(p, m)
	}))
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Requests == 0 {
		t.Errorf("error %v, report %+v", err, r)
	}
}

// TestRunSpreads: connections are spread over the addresses, and those of an address where nobody
// listens go on to the next one.
func TestRunSpreads(t *testing.T) {
	var born [2]atomic.Int64
	counting := func(i int) behaviour {
		return func(p *peer, m codec.Message) {
			if p.n == 0 {
				born[i].Add(1)
			}
			answer(p, m)
		}
	}
	list := fakeServer(t, counting(0)) + "," + freeAddr(t) + "," + fakeServer(t, counting(1))
	o := short(list)
	o.Connections = 9
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Requests == 0 || r.Addr != list {
		t.Errorf("error %v, report %+v", err, r)
	}
	if a, b := born[0].Load(), born[1].Load(); a != 3 || b != 6 {
		t.Errorf("%d and %d connections, want 3 and 6", a, b)
	}
}

func TestRunFailsToConnect(t *testing.T) {
	silent := func(*peer, codec.Message) {}
	refuse := func(p *peer, m codec.Message) {
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultForbidden, &pb.Error{Message: "who is that"})
	}
	cases := []struct {
		name   string
		addr   string
		change func(o *load.Options)
		want   error
	}{
		{"nobody listens", freeAddr(t), func(*load.Options) {}, syscall.ECONNREFUSED},
		{"nobody listens anywhere", freeAddr(t) + "," + freeAddr(t), func(*load.Options) {}, syscall.ECONNREFUSED},
		{"nobody answers", fakeServer(t, silent), func(*load.Options) {}, load.ErrConnectTimeout},
		{"login refused", fakeServer(t, refuse), func(o *load.Options) { *o = ordersTo(*o) }, load.ErrLogin},
		{"too many connections", freeAddr(t), func(o *load.Options) { o.Connections = 1 << 22 }, syscall.EMFILE},
		{"no such process", freeAddr(t), func(o *load.Options) { o.ServerPID = 1 << 30 }, syscall.ENOENT},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := short(c.addr)
			o.ConnectTimeout = 60 * time.Millisecond
			c.change(&o)
			r, err := load.Run(t.Context(), o)
			if r != nil || !errors.Is(err, c.want) {
				t.Errorf("report %v, error %v, want %v", r, err, c.want)
			}
		})
	}
}

func TestOrders(t *testing.T) {
	var mu sync.Mutex
	var seen []*pb.PlaceOrderRequest
	placed := make(map[string]int)
	var tokens []string
	o := ordersTo(short(fakeServer(t, func(p *peer, m codec.Message) {
		answer(p, m)
		mu.Lock()
		defer mu.Unlock()
		switch m.Command {
		case codec.CommandLogin:
			var login pb.LoginRequest
			must(t, login.UnmarshalVT(m.Body))
			tokens = append(tokens, string(login.GetToken()))
		case codec.CommandPlaceOrder:
			var request pb.PlaceOrderRequest
			must(t, request.UnmarshalVT(m.Body))
			seen = append(seen, &request)
			placed[request.ClientOrderId]++
		}
	})))
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 {
		t.Fatalf("error %v, errors %v", err, r.Errors)
	}
	mu.Lock()
	defer mu.Unlock()
	if slices.Sort(tokens); !slices.Equal(tokens, []string{"t1", "t1", "t2"}) {
		t.Errorf("logins with %q, want the accounts in turn", tokens)
	}
	for id, n := range placed {
		if n > 1 {
			t.Errorf("client order id %q used %d times", id, n)
		}
	}
	checkOrders(t, seen)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// checkOrders: on each connection buys and sells alternate, pair by pair in the same
// instrument, so that only bought shares are sold.
func checkOrders(t *testing.T, seen []*pb.PlaceOrderRequest) {
	t.Helper()
	held := make(map[string]int64)
	instruments := make(map[string]bool)
	for _, r := range seen {
		key := strings.Split(r.ClientOrderId, "-")[1] + r.Market + "." + r.Code
		instruments[r.Market+"."+r.Code] = true
		switch r.Side {
		case pb.Side_SIDE_BUY:
			held[key]++
		case pb.Side_SIDE_SELL:
			held[key]--
		}
		if held[key] < 0 || held[key] > 1 || r.Quantity != 1 || r.Price != 0 {
			t.Fatalf("order %v leaves %d held", r, held[key])
		}
	}
	if !instruments["SH.600000"] || !instruments["SZ.1"] {
		t.Errorf("instruments %v, want both", instruments)
	}
}

func TestRunReadsTheServersProcess(t *testing.T) {
	o := short(fakeServer(t, answer))
	o.ServerPID, o.MemoryWait = syscall.Getpid(), time.Millisecond
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Server; s == nil || s.Before.RSS == 0 || s.Connected.RSS == 0 || s.After.RSS == 0 || s.VoluntarySwitches == 0 {
		t.Errorf("server use %+v", r.Server)
	}
	if r.Own.CPUPerRequest <= 0 {
		t.Errorf("own use %+v", r.Own)
	}
}
