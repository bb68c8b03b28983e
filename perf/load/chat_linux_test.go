package load_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// frameOf returns the frame in which a message arrives.
func frameOf(text string) []byte {
	return chat.AppendFrame(nil, chat.Frame{Type: chat.TypeMessage, Address: "127.0.0.1", Port: "54321", Text: text})
}

// chatServer is a server that sends each message to all clients.
type chatServer struct {
	mu      sync.Mutex
	clients []*peer
	said    int
	// deaf reports whether a client does not get message n.
	deaf func(p *peer, n int) bool
	// last > 0: messages after the 70th leave a while after message last was answered.
	last int
	held []*pb.ChatMessage
}

func (r *chatServer) serve(p *peer, m codec.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, isChat := p.dialect.(chat.Dialect)
	if p.n == 0 && isChat {
		p.conn.Write(frameOf("from before the run"))
	}
	if m.Command == codec.CommandLogin {
		answer(p, m)
		return
	}
	var request pb.ChatRequest
	if m.Command != codec.CommandChat || request.UnmarshalVT(m.Body) != nil {
		answer(p, m)
		return
	}
	switch request.Action {
	case pb.ChatAction_CHAT_ACTION_WHO:
		r.clients = append(r.clients, p)
		r.all(&pb.ChatMessage{Address: "127.0.0.1", Port: 9, Event: pb.ChatEvent_CHAT_EVENT_JOINED})
		p.reply(m, codec.ResultOK, &pb.ChatReply{Members: []*pb.ChatMember{{Address: "127.0.0.1", Port: 9}}, Count: 1})
	case pb.ChatAction_CHAT_ACTION_JOIN:
		r.clients = append(r.clients, p)
		p.reply(m, codec.ResultOK, nil)
		p.send(codec.PushChatMessage, 0, &pb.ChatMessage{Text: "from before the run", Earlier: true})
	default:
		r.said++
		r.held = append(r.held, &pb.ChatMessage{Room: "lobby", Sender: "somebody", Address: "127.0.0.1", Port: 54321, Text: request.Text, Time: 1})
		switch {
		case r.last == 0 || r.said <= 70:
			r.deliver()
		case r.said == r.last:
			time.AfterFunc(20*time.Millisecond, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.deliver()
			})
		}
		if !isChat {
			p.reply(m, codec.ResultOK, nil)
		}
	}
}

func (r *chatServer) deliver() {
	for _, m := range r.held {
		r.all(m)
	}
	r.held = nil
}

func (r *chatServer) all(m *pb.ChatMessage) {
	for _, p := range r.clients {
		if r.deaf == nil || m.Text == "" || !r.deaf(p, r.said) {
			p.conn.Write(p.dialect.AppendPush(nil, codec.PushChatMessage, 0, m))
		}
	}
}

// chatTo returns a chat of five clients with a server.
func chatTo(t *testing.T, d load.Dialect, r *chatServer) load.Options {
	t.Helper()
	model := modelOf(d)
	if d == load.DialectChat {
		model = peer{dialect: chat.Dialect{}}
	}
	o := short(fakeServerOf(t, model, r.serve, (*peer).flush))
	o.Dialect, o.Workload, o.Connections, o.Rate, o.Depth = d, load.Chat, 5, 500, 0
	o.Accounts = ordersTo(load.Options{}).Accounts
	return o
}

func TestChat(t *testing.T) {
	for _, d := range []load.Dialect{load.DialectChat, load.DialectPacket, load.DialectTLV, load.DialectWebSocket, load.DialectJSON, load.DialectMixed} {
		t.Run(string(d), func(t *testing.T) {
			o := chatTo(t, d, new(chatServer))
			o.Warmup = 20 * time.Millisecond
			r, err := load.Run(t.Context(), o)
			if err != nil || r.ErrorCount() != 0 || len(r.Results) != 0 {
				t.Fatalf("error %v, report %+v", err, r)
			}
			if want := 5 * uint64(o.Rate*o.Duration.Seconds()); r.Latency.Count != want {
				t.Errorf("%d latencies, want %d", r.Latency.Count, want)
			}
		})
	}
}

// A server that only sends each message to all needs no more than a handshake.
func TestChatByEcho(t *testing.T) {
	var mu sync.Mutex
	var clients []*peer
	o := chatTo(t, load.DialectEcho, nil)
	o.Addr = listenWith(t, func(p *peer) {
		p.upgrade = modelOf(load.DialectEcho).upgrade
		mu.Lock()
		p.shakeHands()
		clients = append(clients, p)
		mu.Unlock()
		p.handshaken = true
		p.serve(func(p *peer, m codec.Message) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range clients {
				c.conn.Write(p.dialect.AppendPush(nil, m.Command, m.ID, codec.Raw(m.Body)))
			}
		}, (*peer).flush)
	})
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Latency.Count != 5*75 {
		t.Errorf("error %v, report %+v", err, r)
	}
}

func TestChatCountsLostMessages(t *testing.T) {
	cases := []struct {
		name string
		deaf func(p *peer, n int) bool
		kind string
		lost uint64
	}{
		{"one in the middle", func(p *peer, n int) bool { return p.born == 2 && n == 5 }, "messages lost", 1},
		{"the last ones", func(p *peer, n int) bool { return p.born == 2 && n > 70 }, "messages undelivered", 5},
		{"some of several", func(p *peer, n int) bool { return p.born > 2 && n%10 == 3 }, "messages lost", 2 * 8},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := chatTo(t, load.DialectPacket, &chatServer{deaf: c.deaf})
			o.Drain = time.Second // a busy machine needs some of it
			r, err := load.Run(t.Context(), o)
			if err == nil && c.lost > 1 {
				delete(r.Errors, "messages out of order") // if clients that miss messages read first
			}
			if err != nil || !maps.Equal(r.Errors, map[string]uint64{c.kind: c.lost}) {
				t.Fatalf("error %v, errors %v, want %s %d: %q", err, r.Errors, c.kind, c.lost, r.Samples)
			}
		})
	}
}

// A message that nobody gets counts once, also if the server has answered it with OK.
func TestChatCountsMessagesThatNobodyReceives(t *testing.T) {
	for d, kind := range map[load.Dialect]string{
		load.DialectChat: "unanswered", load.DialectPacket: "messages nobody received", load.DialectMixed: "messages nobody received",
	} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			o := chatTo(t, d, &chatServer{deaf: func(_ *peer, n int) bool { return n == 5 || n == 75 }})
			o.Drain = time.Second // a busy machine needs some of it
			r, err := load.Run(t.Context(), o)
			if err != nil || !maps.Equal(r.Errors, map[string]uint64{kind: 2}) {
				t.Errorf("error %v, errors %v, want 2 %s", err, r.Errors, kind)
			}
		})
	}
}

// The end waits for messages that were answered and have reached nobody yet.
func TestChatWaitsForTheLastMessages(t *testing.T) {
	o := chatTo(t, load.DialectPacket, &chatServer{last: 75})
	o.Drain = time.Minute
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Latency.Count != 5*75 {
		t.Errorf("error %v, errors %v, %d deliveries, want %d", err, r.Errors, r.Latency.Count, 5*75)
	}
}

// A message that the server refuses need not arrive.
func TestChatMayRefuseMessages(t *testing.T) {
	var chats chatServer
	o := chatTo(t, load.DialectPacket, nil)
	o.Addr = fakeServerOf(t, modelOf(load.DialectPacket), func(p *peer, m codec.Message) {
		if p.n > 10 && m.Command == codec.CommandChat {
			p.reply(m, codec.ResultOverloaded, &pb.Error{Message: "too much"})
			return
		}
		chats.serve(p, m)
	}, (*peer).flush)
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Results["OVERLOADED"] == 0 {
		t.Errorf("error %v, report %+v", err, r)
	}
}

// A run that is stopped does not count what was on its way.
func TestStoppedChatHasNoUndeliveredMessages(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := chatTo(t, load.DialectPacket, &chatServer{deaf: func(p *peer, n int) bool {
		if n == 50 {
			cancel()
		}
		return p.born == 2 && n > 20
	}})
	o.Duration = time.Minute
	r, err := load.Run(ctx, o)
	if r == nil {
		t.Fatalf("no report, error %v", err)
	}
	if !errors.Is(err, context.Canceled) || r.ErrorCount() != 0 {
		t.Errorf("error %v, errors %v", err, r.Errors)
	}
}

// A message that comes back to its sender late is answered all the same.
func TestLateChatMessageOfItsSenderIsAReply(t *testing.T) {
	r := load.NewChatClients(load.DialectChat, 2)
	total := 0
	for client, order := range [][]int{{0, 1, 2}, {1, 2, 0}} {
		for _, k := range order {
			_, replies, err := r.Receive(client, frameOf(r.Text(1, k)))
			if err != nil {
				t.Fatal(err)
			}
			total += replies
		}
	}
	if total != 3 {
		t.Errorf("%d of 3 messages came back to their sender", total)
	}
}

// Every client must get every message once, all in the same order.
func TestChatChecksTheOrder(t *testing.T) {
	cases := []struct {
		name    string
		ofThird []int // the messages that the third client gets; the others get 0 to 5
		errors  map[string]uint64
		misses  int
	}{
		{"as the others", []int{0, 1, 2, 3, 4, 5}, map[string]uint64{}, 0},
		{"one is missing", []int{0, 1, 3, 4, 5}, map[string]uint64{"messages lost": 1}, 1},
		{"the last are missing", []int{0, 1, 2}, map[string]uint64{"messages undelivered": 3}, 3},
		{"one comes twice", []int{0, 1, 1, 2, 3, 4, 5}, map[string]uint64{"messages duplicated": 1}, 0},
		{"all come twice", []int{0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, map[string]uint64{"messages duplicated": 6}, 0},
		{"two are exchanged", []int{0, 2, 1, 3, 4, 5}, map[string]uint64{"messages out of order": 1}, 0},
		{"one is late", []int{1, 2, 3, 4, 0, 5}, map[string]uint64{"messages out of order": 1}, 0},
		{"all of it", []int{0, 3, 1, 1, 5}, map[string]uint64{"messages out of order": 1, "messages duplicated": 1, "messages lost": 2}, 2},
	}
	for _, c := range cases {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, last %v", c.name, last), func(t *testing.T) {
				r := load.NewChatClients(load.DialectChat, 3)
				all := [][]int{{0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}, c.ofThird}
				clients := []int{0, 1, 2}
				if !last { // the log begins with the wrong client only if it has the right order
					clients = []int{0, 2, 1}
				}
				for _, client := range clients {
					for _, n := range all[client] {
						if _, _, err := r.Receive(client, frameOf(r.Text(n%2, n/2))); err != nil {
							t.Fatal(err)
						}
					}
				}
				deliveries, sampled, errors := r.Counts()
				if !maps.Equal(errors, c.errors) || deliveries != uint64(18-c.misses) || sampled != deliveries-errors["messages out of order"] {
					t.Errorf("%d deliveries, %d latencies, errors %v, want %v", deliveries, sampled, errors, c.errors)
				}
			})
		}
	}
}

// A client finds its messages among those of the others, and ignores other runs'.
func TestChatFindsItsMessages(t *testing.T) {
	r := load.NewChatClients(load.DialectChat, 2)
	other := []byte(r.Text(0, 0))
	other[0] = 'f' // of another run
	b := slices.Concat(frameOf(r.Text(0, 0)), frameOf(r.Text(1, 0)), frameOf("hello"), frameOf(string(other)), frameOf(r.Text(1, 1)), []byte{0, 40, 1})
	used, replies, err := r.Receive(1, b)
	if used != len(b)-3 || replies != 2 || err != nil {
		t.Errorf("%d bytes of %d, %d messages of its own, error %v", used, len(b), replies, err)
	}
	if deliveries, _, errors := r.Counts(); deliveries != 3 || errors["messages undelivered"] != 3 {
		t.Errorf("%d deliveries, errors %v", deliveries, errors)
	}
}

// With many connections percentiles are from a part of the deliveries, the maximum is from
// all.
func TestChatSamplesLatencies(t *testing.T) {
	const clients, messages = 256, 10
	r := load.NewChatClients(load.DialectChat, clients)
	for n := range messages {
		for c := range clients {
			if r.Now = 1000; n == 4 && c == 7 {
				r.Now = 50_000
			}
			if _, _, err := r.Receive(c, frameOf(r.Text(n, 0))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if deliveries, sampled, _ := r.Counts(); deliveries != clients*messages || sampled != clients*messages/2 {
		t.Errorf("%d deliveries, %d latencies, want %d and half of them", deliveries, sampled, clients*messages)
	}
	if longest, sampled := r.Latency(); longest != 50_000 || sampled > 1001 {
		t.Errorf("the longest latency is %d, of the sample %d", longest, sampled)
	}
}

func TestChatFindsWrongFrames(t *testing.T) {
	for name, b := range map[string][]byte{
		"length below the header": {0, 4, 1, 0, 0, 0},
		"address too long":        {0, 5, 1, 0, 1, 0, 0},
		"port too long":           {0, 6, 1, 0, 0, 0, 2, 'x'},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := load.NewChatClients(load.DialectChat, 1).Receive(0, b); !errors.Is(err, load.ErrWrongLength) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestChatReportsTheReason(t *testing.T) {
	o := chatTo(t, load.DialectChat, nil)
	o.Addr = fakeServerOf(t, peer{dialect: chat.Dialect{}}, func(p *peer, m codec.Message) {
		p.reply(m, codec.ResultOverloaded, &pb.Error{Message: "too much"})
		p.hangUp(false)
	}, (*peer).flush)
	if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrClosed) || err == nil {
		t.Errorf("error %v", err)
	}
}

func TestChatDoesNotAllocate(t *testing.T) {
	r := load.NewChatClients(load.DialectChat, 2)
	var frames []byte
	for k := range 100 {
		frames = append(frames, frameOf(r.Text(0, k))...)
	}
	_, _, _ = r.Receive(0, frames) // makes the log
	n := testing.AllocsPerRun(100, func() {
		r.Forget()
		if _, _, err := r.Receive(1, frames); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for 100 messages", n)
	}
}

// BenchmarkChatDelivery is the cost of a delivery but for the system calls.
func BenchmarkChatDelivery(b *testing.B) {
	clients := load.NewChatClients(load.DialectChat, 2000)
	var frames []byte
	const messages = 160
	for k := range messages {
		frames = append(frames, frameOf(clients.Text(k, 0))...)
	}
	b.SetBytes(int64(len(frames)) / messages)
	for n := 0; n < b.N; n += messages {
		if n%(messages*2000) == 0 {
			clients.Forget()
		}
		if _, _, err := clients.Receive(n/messages%2000, frames); err != nil {
			b.Fatal(err)
		}
	}
}

// Whoever reads first and whatever is lost, the counts of deliveries and of missing messages
// are exact. Without losses everything is in order.
func TestChatCountsAreExact(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	for round := range 2000 {
		const clients, messages = 4, 12
		r := load.NewChatClients(load.DialectChat, clients)
		var said [messages][]byte
		for n := range said {
			said[n] = frameOf(r.Text(n%clients, n/clients))
		}
		var heard [clients]int
		var total uint64
		arrived := make(map[int]bool)
		for turns := random.IntN(60); turns > 0; turns-- {
			c := random.IntN(clients)
			for steps := random.IntN(4); steps > 0 && heard[c] < messages; steps-- {
				n := heard[c]
				heard[c]++
				if round%2 == 1 && random.IntN(5) == 0 {
					continue
				}
				if _, _, err := r.Receive(c, said[n]); err != nil {
					t.Fatal(err)
				}
				total, arrived[n] = total+1, true
			}
		}
		deliveries, _, errors := r.Counts()
		missing := uint64(clients*len(arrived)) - total
		if deliveries != total || errors["messages lost"]+errors["messages undelivered"] != missing || errors["messages duplicated"] > 0 ||
			round%2 == 0 && errors["messages lost"]+errors["messages out of order"] > 0 {
			t.Fatalf("%d deliveries, errors %v; want %d, and %d missing", deliveries, errors, total, missing)
		}
	}
}
