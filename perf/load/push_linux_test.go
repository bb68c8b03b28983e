package load_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// exchange is a server that pushes the orders of an account to all its sessions.
type exchange struct {
	mu       sync.Mutex
	sessions map[uint32][]*peer
	sequence map[uint32]uint64
	traders  []uint32          // connection numbers
	logins   map[uint32]uint32 // connection number to customer
	// deaf reports whether a session does not get a push.
	deaf func(p *peer, sequence uint64) bool
}

func newExchange(deaf func(p *peer, sequence uint64) bool) *exchange {
	return &exchange{sessions: make(map[uint32][]*peer), sequence: make(map[uint32]uint64), logins: make(map[uint32]uint32), deaf: deaf}
}

func (e *exchange) answer(p *peer, m codec.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch m.Command {
	case codec.CommandLogin:
		p.login(m)
		e.logins[uint32(m.ID>>32)] = p.customer
		e.sessions[p.customer] = append(e.sessions[p.customer], p)
		p.conn.Write(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.LoginReply{PushSequence: e.sequence[p.customer]}))
	case codec.CommandPlaceOrder:
		e.traders = append(e.traders, uint32(m.ID>>32))
		e.sequence[p.customer]++
		sequence := e.sequence[p.customer]
		for _, other := range e.sessions[p.customer] {
			if e.deaf == nil || !e.deaf(other, sequence) {
				other.conn.Write(codec.AppendRequest(nil, codec.PushExecution, sequence, &pb.Execution{Quantity: 1}))
			}
		}
		p.conn.Write(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.PlaceOrderReply{OrderId: sequence}))
	}
}

// pushTo returns options for six connections: three for each of two accounts.
func pushTo(o load.Options) load.Options {
	o = ordersTo(o)
	o.Workload, o.Connections, o.SessionsPerAccount, o.Depth = load.Push, 6, 3, 2
	return o
}

func TestPush(t *testing.T) {
	for name, change := range map[string]func(o *load.Options){
		"closed loop": func(*load.Options) {},
		"open loop":   func(o *load.Options) { o.Rate = 1000 },
		"think time":  func(o *load.Options) { o.Interval = load.Interval{Max: 5 * time.Millisecond} },
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(nil)
			o := pushTo(short(fakeServer(t, e.answer)))
			change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil || r.ErrorCount() != 0 || r.Requests == 0 {
				t.Fatalf("error %v, report %+v", err, r)
			}
			if r.PushesPerSecond < 2.5*r.PerSecond || r.PushesPerSecond != float64(r.PushCount())/r.Seconds {
				t.Errorf("%.0f pushes a second at %.0f orders a second, want three each", r.PushesPerSecond, r.PerSecond)
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			slices.Sort(e.traders)
			if got := slices.Compact(e.traders); !slices.Equal(got, []uint32{0, 3}) {
				t.Errorf("connections %v trade, want the first of each account", got)
			}
			want := map[uint32]uint32{0: 100001, 1: 100001, 2: 100001, 3: 100002, 4: 100002, 5: 100002}
			if !maps.Equal(e.logins, want) {
				t.Errorf("logins %v, want %v", e.logins, want)
			}
		})
	}
}

func TestPushFindsMissingPushes(t *testing.T) {
	listener := func(e *exchange, p *peer) bool { return e.sessions[p.customer][1] == p }
	cases := []struct {
		name string
		deaf func(e *exchange, p *peer, sequence uint64) bool
	}{
		{"one of them", func(e *exchange, p *peer, n uint64) bool { return n == 5 && listener(e, p) }},
		{"all of a session", func(e *exchange, p *peer, _ uint64) bool { return listener(e, p) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var e *exchange
			e = newExchange(func(p *peer, n uint64) bool { return c.deaf(e, p, n) })
			o := pushTo(short(fakeServer(t, e.answer)))
			o.Drain = 50 * time.Millisecond
			r, err := load.Run(t.Context(), o)
			if err != nil || r.Errors["push gap"] != 2 {
				t.Errorf("error %v, errors %v, want a push gap for each account", err, r.Errors)
			}
		})
	}
}
