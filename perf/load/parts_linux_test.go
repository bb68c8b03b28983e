package load_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/perf/load"
	"holdfast/perf/progress"
)

func TestFlightsGiveBackOldestFirst(t *testing.T) {
	var f load.Flights
	random := rand.New(rand.NewPCG(1, 1))
	var naive []int64
	for at := int64(1); at < 2000; at++ {
		for range random.IntN(3) {
			n := 1 + random.IntN(4)
			f.Push(at, n)
			naive = append(naive, slices.Repeat([]int64{at}, n)...)
		}
		for limit := random.IntN(8); limit > 0 && len(naive) > 0; {
			got, n := f.Take(limit)
			if n < 1 || n > limit || got != naive[0] || got != naive[n-1] {
				t.Fatalf("Take(%d) = %d x %d, want from %v", limit, got, n, naive[:min(8, len(naive))])
			}
			naive, limit = naive[n:], limit-n
		}
		if f.Empty() != (len(naive) == 0) {
			t.Fatalf("Empty = %v with %d left", f.Empty(), len(naive))
		}
	}
}

func TestTimersComeInOrder(t *testing.T) {
	var timers load.Timers
	random := rand.New(rand.NewPCG(2, 1))
	var naive []int64
	for range 3000 {
		if random.IntN(3) > 0 {
			due := random.Int64N(50)
			timers.Push(due, uint32(due))
			naive = append(naive, due)
			slices.Sort(naive)
		} else if len(naive) > 0 {
			due, c := timers.Pop()
			if due != naive[0] || c != uint32(due) {
				t.Fatalf("Pop = %d, %d, want %d", due, c, naive[0])
			}
			naive = naive[1:]
		}
		if due, ok := timers.Next(); ok != (len(naive) > 0) || ok && due != naive[0] {
			t.Fatalf("Next = %d, %v", due, ok)
		}
	}
}

func TestScheduleIsFixed(t *testing.T) {
	s := load.NewSched(1000, 1e6, 3, 1) // one each microsecond
	var got []string
	take := func(now int64) {
		for c, ok := s.Take(now); ok; c, ok = s.Take(now) {
			got = append(got, fmt.Sprintf("%d@%d", c, now))
		}
	}
	take(999)
	take(1000)
	take(3500) // late: everything missed is due at once
	s.EndAt(5000)
	take(9000)
	want := []string{"0@1000", "1@3500", "2@3500", "0@9000"}
	if !slices.Equal(got, want) {
		t.Errorf("schedule %v, want %v", got, want)
	}
	if due := s.DueOf(2, 10); due != 1000+(2+30)*1000 {
		t.Errorf("DueOf(2, 10) = %d", due)
	}
}

// Of four connections the first and the third send.
func TestScheduleSkipsThoseWhoDoNotSend(t *testing.T) {
	s := load.NewSched(0, 1e6, 2, 2)
	var got []uint32
	for c, ok := s.Take(3000); ok; c, ok = s.Take(3000) {
		got = append(got, c)
	}
	if !slices.Equal(got, []uint32{0, 2, 0, 2}) || s.DueOf(2, 1) != 3000 {
		t.Errorf("schedule %v, second request of connection 2 is due at %d", got, s.DueOf(2, 1))
	}
}

func TestRequestsAreFrames(t *testing.T) {
	const first = uint64(7)<<32 | 41
	base := load.Options{Depth: 5}
	orders := ordersTo(base)
	cases := []struct {
		name    string
		options load.Options
		command codec.Command
	}{
		{"submit", base, codec.CommandSubmit},
		{"heartbeat", load.Options{Depth: 5, Workload: load.Heartbeat}, codec.CommandHeartbeat},
		{"positions", load.Options{Depth: 5, Workload: load.Positions}, codec.CommandPositions},
		{"orders", orders, codec.CommandPlaceOrder},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := load.Requests(c.options, 0xbeef)(first, 3)
			for i := range uint64(3) {
				m, used, err := codec.Decode(codec.Packet{}, b, codec.DefaultMaxFrame)
				if err != nil || used == 0 || m.Command != c.command || m.ID != first+i {
					t.Fatalf("request %d: %v, %d bytes, error %v", i, m, used, err)
				}
				b = b[used:]
			}
			if len(b) != 0 {
				t.Errorf("%d bytes left over", len(b))
			}
		})
	}
}

func TestOrderRequestsPatchTheirIDs(t *testing.T) {
	o := ordersTo(load.Options{Depth: 4})
	b := load.Requests(o, 0xbeef)(uint64(0xabc)<<32|1, 4)
	want := []string{
		"0000beef-000abc-00000001 SIDE_BUY SH.600000", "0000beef-000abc-00000002 SIDE_SELL SH.600000",
		"0000beef-000abc-00000003 SIDE_BUY SZ.1", "0000beef-000abc-00000004 SIDE_SELL SZ.1",
	}
	for i, text := range want {
		m, used, err := codec.Decode(codec.Packet{}, b, codec.DefaultMaxFrame)
		if err != nil {
			t.Fatal(err)
		}
		var r pb.PlaceOrderRequest
		if err := r.UnmarshalVT(m.Body); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%s %s %s.%s", r.ClientOrderId, r.Side, r.Market, r.Code); got != text {
			t.Errorf("order %d is %q, want %q", i, got, text)
		}
		b = b[used:]
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	dialects := map[load.Dialect]codec.Dialect{
		load.DialectPacket: codec.Packet{}, load.DialectTLV: codec.TLV{},
		load.DialectWebSocket: websocket.Packet{}, load.DialectJSON: websocket.JSON{},
	}
	for d, dialect := range dialects {
		for _, o := range []load.Options{{Depth: 16}, ordersTo(load.Options{Depth: 16})} {
			o.Addr, o.Dialect = "host:1", d
			frames := load.Requests(o, 0)
			frames(1, 16)
			if n := testing.AllocsPerRun(100, func() { frames(1, 16) }); n != 0 {
				t.Errorf("%s, %q: %v allocations for 16 requests", d, o.Workload, n)
			}
		}
		var replies []byte
		for i := range 16 {
			id := uint64(i)
			if d == load.DialectTLV {
				id = uint64(codec.CommandSubmit)
			}
			replies = dialect.AppendReply(replies, codec.CommandSubmit, id, codec.ResultOK, nil)
		}
		r := load.NewReceiverOf(d, load.Submit, 0)
		n := testing.AllocsPerRun(100, func() {
			r.Reopen(16)
			if _, replies, err := r.Consume(replies); replies != 16 || err != nil {
				t.Fatalf("%s: %d replies, error %v", d, replies, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations for 16 replies", d, n)
		}
	}
}

// FuzzConsume: however the server's output is split, the result is the same as in one
// piece. The first two bits of cut choose the dialect, the others the size of the pieces.
func FuzzConsume(f *testing.F) {
	dialects := []load.Dialect{load.DialectPacket, load.DialectTLV, load.DialectWebSocket, load.DialectJSON}
	for i, d := range []codec.Dialect{codec.Packet{}, codec.TLV{}, websocket.Packet{}, websocket.JSON{}} {
		b := d.AppendReply(nil, codec.CommandPlaceOrder, uint64(codec.CommandPlaceOrder), codec.ResultOK, nil)
		b = d.AppendPush(b, codec.PushNotice, 0, &pb.Notice{Text: "x"})
		f.Add(b, uint8(i<<6|3))
	}
	f.Add(websocket.AppendFrame(nil, websocket.OpText, []byte(`{"command":"Quote","id":"7","body":}`)), uint8(3<<6|3))
	reply := codec.Packet{}.AppendReply(nil, codec.CommandPlaceOrder, 0, codec.ResultOK, nil)
	push := codec.AppendRequest(nil, codec.PushExecution, 1, &pb.Execution{})
	notice := codec.AppendRequest(nil, codec.PushNotice, 0, &pb.Notice{Text: "x"})
	refusal := codec.Packet{}.AppendReply(nil, codec.CommandPlaceOrder, 0, codec.ResultRejected, &pb.Error{Message: "y"})
	f.Add(slices.Concat(reply, push), uint8(3))
	f.Add(slices.Concat(push, notice, refusal), uint8(14))
	f.Add([]byte{0, 0, 0, 12}, uint8(1))
	f.Add([]byte{255, 255, 255, 255, 1}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		which := int(cut >> 6)
		dialect := dialects[which]
		whole := load.NewReceiverOf(dialect, load.Orders, 4)
		used, replies, err := whole.Consume(bytes.Clone(b))
		if used > len(b) || replies > 4 {
			t.Fatalf("%d bytes used of %d, %d replies", used, len(b), replies)
		}
		pieces := load.NewReceiverOf(dialect, load.Orders, 4)
		usedInPieces, repliesInPieces, errInPieces := consumeInPieces(pieces, b, int(cut&63)+1)
		if isWeb := which >= 2; isWeb && err != nil { // a wrong frame may be found before it is complete
			usedInPieces = used
		}
		if used != usedInPieces || replies != repliesInPieces || fmt.Sprint(err) != fmt.Sprint(errInPieces) {
			t.Fatalf("whole: %d bytes, %d replies, %v; in pieces: %d, %d, %v",
				used, replies, err, usedInPieces, repliesInPieces, errInPieces)
		}
		if whole.Refusals(codec.ResultRejected) != pieces.Refusals(codec.ResultRejected) {
			t.Fatal("other refusals in pieces")
		}
	})
}

func consumeInPieces(r *load.Receiver, b []byte, size int) (used, replies int, err error) {
	for end := min(size, len(b)); ; end = min(end+size, len(b)) {
		u, n, err := r.Consume(b[used:end])
		used, replies = used+u, replies+n
		if err != nil || end == len(b) {
			return used, replies, err
		}
	}
}

// busy returns the use of a server that used that many cores.
func busy(cores float64) *load.ServerUse { return &load.ServerUse{CPUUse: load.CPUUse{Busy: cores}} }

func TestGeneratorBound(t *testing.T) {
	cases := []struct {
		name   string
		own    float64
		server *load.ServerUse
		want   bool
	}{
		{"generator full, server not", 0.96, busy(0.7), true},
		{"both full", 0.96, busy(0.97), false},
		{"server full", 0.7, busy(0.97), false},
		{"neither", 0.4, busy(0.4), false},
		{"generator full, server unknown", 0.96, nil, true},
		{"server unknown", 0.4, nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &load.Report{Own: load.CPUUse{Busy: c.own}, Server: c.server}
			if got := load.JudgeBound(r); got != c.want {
				t.Errorf("bound = %v, want %v", got, c.want)
			}
		})
	}
}

// The total is exact; it is divided in the proportion of the coarse user and system
// times.
func TestCPUUse(t *testing.T) {
	want := load.CPUUse{Busy: 0.5, CPUPerRequest: 1500, UserPerRequest: 375, SystemPerRequest: 1125}
	if got := load.UseOf(1500*time.Millisecond, 300*time.Millisecond, 900*time.Millisecond, 3*time.Second, 1000); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := load.UseOf(time.Second, 0, 0, 0, 0); got != (load.CPUUse{}) {
		t.Errorf("nothing measured gives %+v, want 0", got)
	}
}

func TestProgressDraws(t *testing.T) {
	var text bytes.Buffer
	d := load.NewDrawing(progress.New(&text), 1000)
	d.Second(0, 0, 0, false)
	d.Second(500, 0, 0, false)
	d.Second(500, 0, 0, false) // nothing new: no line
	d.Second(1000, 700, 0, true)
	d.WarmedUp()
	d.Second(1000, 3000, 1, true)
	want := "connecting 0/1000\nconnecting 500/1000\n" +
		"   1 s          700 requests/s        1,400 pushes/s  0 errors  warmup\n" +
		"   2 s        2,300 requests/s        4,600 pushes/s  1 error\n"
	if text.String() != want {
		t.Errorf("drew\n%swant\n%s", text.String(), want)
	}
	text.Reset()
	load.NewDrawing(progress.NewTerminal(&text, 80), 1000).Second(500, 0, 0, false)
	if want := "connecting [####################--------------------] 500/1000"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("drew %q on a terminal", text.String())
	}
}
