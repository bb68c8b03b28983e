package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
	holdfastws "holdfast/codec/websocket"
)

// counter counts the pushes of the account's sequence as docs/protocol.md says for dialects
// without numbers.
type counter struct {
	executed bool // an execution or a bust came, and its position did not yet
}

// counts reports whether a push is one of the sequence. All pushes must come here in their order.
func (c *counter) counts(m codec.Message) bool {
	switch m.Command {
	case codec.PushExecution, codec.PushExecutionBusted:
		c.executed = true
		return true
	case codec.PushOrderUpdate, codec.PushAccountUpdate:
		return true
	case codec.PushPositionUpdate:
		executed := c.executed
		c.executed = false
		return executed
	}
	return false
}

// orderOf returns the client order id of an Execution push, "" for others.
func orderOf(t testing.TB, m codec.Message) string {
	t.Helper()
	var e pb.Execution
	if m.Command != codec.PushExecution {
		return ""
	}
	if err := e.UnmarshalVT(m.Body); err != nil {
		t.Fatal(err)
	}
	return e.ClientOrderId
}

// streams reads pushes until that many quotes have come and the account's pushes up to the
// order last. It returns the latter, from the order first on, and the quotes.
func (d *door) streams(first, last string, quotes int) (account, quoted []codec.Message) {
	d.t.Helper()
	started, ended := false, false
	for !ended || len(quoted) < quotes {
		switch m := d.push(); {
		case m.Command == codec.PushQuote:
			quoted = append(quoted, m)
		case !ended:
			order := orderOf(d.t, m)
			if started = started || order == first; started {
				account = append(account, m)
			}
			ended = order == last
		}
	}
	return account, quoted
}

// awaitRepriced waits until prices have revalued a position after an order. push returns the
// pushes up to there again.
func (d *door) awaitRepriced(after string) {
	d.t.Helper()
	var read []codec.Message
	var c counter
	for started := false; ; {
		m := d.push()
		read = append(read, m)
		counts := c.counts(m)
		if started = started || orderOf(d.t, m) == after; started && m.Command == codec.PushPositionUpdate && !counts {
			d.pushes = append(read, d.pushes...)
			return
		}
	}
}

func quoteTime(t testing.TB, m codec.Message) int64 {
	t.Helper()
	var q pb.Quote
	if err := q.UnmarshalVT(m.Body); err != nil {
		t.Fatal(err)
	}
	return q.Time
}

// TestSamePushesAtEveryDoor: a customer who trades at four doors at the same time gets the
// same pushes at each: executions, orders, a bust, a correction, a deposit, positions that
// prices revalue, and quotes.
func TestSamePushesAtEveryDoor(t *testing.T) {
	t.Parallel()
	const orders, quotes = 60, 60
	s := serveDoors(t, "--price-moves", "100/s")
	all := openAll(t, s)
	for _, d := range all {
		d.login(trader)
		d.must(codec.CommandQuotes, &pb.QuotesRequest{Subscribe: true}, nil)
	}
	busted := all[0].buy("first")
	for i := range orders {
		executed := all[i%len(all)].buy(fmt.Sprint("order ", i))
		if i == orders/2 {
			s.operate(t, codec.CommandBust, &pb.BustRequest{ExecutionId: busted, Reason: "while others trade"})
			s.operate(t, codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: executed, Quantity: 1, Price: 9_0000})
			s.operate(t, codec.CommandOperate, deposit(trader, 50_0000))
		}
	}
	all[0].take("limit")
	all[2].rest("waits")
	all[1].cancel("waits")
	all[3].awaitRepriced("order 0")
	all[3].buy("last")
	want, wantQuotes := all[0].streams("first", "last", quotes)
	check(t, want, orders)
	for _, d := range all[1:] {
		got, gotQuotes := d.streams("first", "last", quotes)
		same(t, d, got, want)
		same(t, d, common(t, gotQuotes, wantQuotes), common(t, wantQuotes, gotQuotes))
	}
}

// operate sends a command as the operator.
func (s *served) operate(t *testing.T, c codec.Command, body codec.Body) {
	t.Helper()
	d := openStream(t, codec.Packet{}, s.addr)
	defer d.close()
	d.login(operator)
	d.must(c, body, nil)
}

func deposit(customer uint32, amount int64) *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Deposit{Deposit: &pb.CashCommand{Customer: customer, Amount: amount, Text: "bonus"}}}
}

// check checks that the pushes have what the test is about, and no gap.
func check(t *testing.T, pushes []codec.Message, orders int) {
	t.Helper()
	count := make(map[codec.Command]int)
	repriced := 0
	var last uint64
	var c counter
	for _, m := range pushes {
		count[m.Command]++
		switch {
		case !c.counts(m):
			repriced++
			if m.ID != 0 {
				t.Errorf("%s outside the sequence has the number %d", m.Command, m.ID)
			}
		case last != 0 && m.ID != last+1:
			t.Errorf("push %d follows push %d", m.ID, last)
			fallthrough
		default:
			last = m.ID
		}
	}
	want := map[codec.Command]int{
		codec.PushExecution:       orders + 4, // with the first, the last, the limit order and the correction
		codec.PushExecutionBusted: 2,
		codec.PushOrderUpdate:     5, // the limit order, one that waits, its cancellation, the bust, the correction
		codec.PushAccountUpdate:   1,
		codec.PushPositionUpdate:  orders + 4 + repriced, // but for that of the last
	}
	if !maps.Equal(count, want) || repriced == 0 {
		t.Errorf("%v, %d of them repriced positions; want %v", count, repriced, want)
	}
}

// same checks that a door got those pushes, with their numbers if it has numbers.
func same(t *testing.T, d *door, got, want []codec.Message) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%s: %d pushes, want %d", d.name, len(got), len(want))
	}
	for n := range min(len(got), len(want)) {
		g, w := got[n], want[n]
		if g.Command != w.Command || !bytes.Equal(g.Body, w.Body) || d.number && g.ID != w.ID {
			t.Fatalf("%s: push %d is %s %d %x, want %s %d %x", d.name, n, g.Command, g.ID, g.Body, w.Command, w.ID, w.Body)
		}
	}
}

// common returns the quotes of the time for which both lists have all: a door subscribes, and
// a test stops to read, in the middle of a round of quotes.
func common(t *testing.T, quotes, others []codec.Message) []codec.Message {
	t.Helper()
	from := max(quoteTime(t, quotes[0]), quoteTime(t, others[0]))
	to := min(quoteTime(t, quotes[len(quotes)-1]), quoteTime(t, others[len(others)-1]))
	return slices.DeleteFunc(slices.Clone(quotes), func(m codec.Message) bool {
		at := quoteTime(t, m)
		return at <= from || at >= to
	})
}

// TestResumeAtAnotherDoor: a session that logs in at another door than the last one did gets
// exactly the pushes that it has missed, and then all later ones.
func TestResumeAtAnotherDoor(t *testing.T) {
	t.Parallel()
	const missed = 7
	s := serveDoors(t)
	other := entrances()[0].open(t, s)
	other.login(trader)
	at := make(map[string]entrance)
	for _, e := range entrances() {
		at[e.name] = e
	}
	var last uint64
	var history []byte
	for round, name := range []string{"packet", "JSON", "binary", "tlv", "JSON", "packet"} {
		if round > 0 {
			for i := range missed {
				other.buy(fmt.Sprint("missed ", round, i))
			}
			other.take(fmt.Sprint("limit ", round))
			waits := fmt.Sprint("waits ", round)
			other.rest(waits)
			other.cancel(waits)
			s.operate(t, codec.CommandOperate, deposit(trader, 1))
		}
		d := at[name].open(t, s)
		reply := d.login(trader, func(r *pb.LoginRequest) { r.ResumeFrom, r.HistoryId = last, history })
		if reply.Resumed != (round > 0) || last > 0 && reply.PushSequence != last || len(reply.Positions) > 0 && reply.Resumed {
			t.Fatalf("%s after push %d: %v", name, last, reply)
		}
		last, history = reply.PushSequence, reply.HistoryId
		d.buy(fmt.Sprint("own ", round))
		other.buy(fmt.Sprint("other ", round))
		var want []codec.Message
		for order := ""; order != fmt.Sprint("other ", round); {
			m := other.push()
			order = orderOf(t, m)
			want = append(want, m)
		}
		want = append(want, other.push()) // position after the last execution
		if len(want) != 2*(missed+2)+3+2+1 && round > 0 {
			t.Fatalf("%d pushes in round %d", len(want), round)
		}
		for _, w := range want {
			g := d.push()
			if last++; w.ID != last || d.number && g.ID != last || g.Command != w.Command || !samePush(t, g, w) {
				t.Fatalf("%s: %s %d %x, want %s %d %x", name, g.Command, g.ID, g.Body, w.Command, last, w.Body)
			}
		}
		d.must(codec.CommandSubmit, nil, nil)
		if len(d.pushes) > 0 {
			t.Fatalf("%s: another push %s", name, d.pushes[0].Command)
		}
		d.close()
	}
}

// samePush compares the bodies of two pushes. What one that comes late shows of the whole
// account, and of other orders, is of the present.
func samePush(t *testing.T, a, b codec.Message) bool {
	t.Helper()
	return a.Command == b.Command && proto.Equal(withoutTotals(t, a), withoutTotals(t, b))
}

func withoutTotals(t *testing.T, m codec.Message) proto.Message {
	t.Helper()
	body := holdfastws.NewRequest(m.Command)
	if err := body.UnmarshalVT(m.Body); err != nil {
		t.Fatal(err)
	}
	switch u := body.(type) {
	case *pb.PositionUpdate:
		u.MarketValue, u.Cash, u.FrozenCash, u.UnsettledCash, u.Position.Sellable, u.Position.Frozen = 0, 0, 0, 0, 0, 0
	case *pb.OrderUpdate:
		u.Cash, u.FrozenCash, u.UnsettledCash, u.Position = 0, 0, 0, nil
	case *pb.AccountUpdate:
		u.Account = nil
	}
	return body
}

// said is a chat message as every dialect shows it.
type said struct{ address, text string }

// TestSameChatAtEveryDoor: who is in the common room sees the same messages, with the address
// and port of their sender, at every door.
func TestSameChatAtEveryDoor(t *testing.T) {
	t.Parallel()
	const lines = 10
	s := serveDoors(t)
	bare := openChat(t, s)
	all := openAll(t, s)
	for _, d := range all {
		d.login(trader)
		d.must(codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN}, nil)
	}
	want := make(map[said]int)
	for i := range lines {
		text := fmt.Sprint("line ", i, " <b>é\u2028日本</b> \"\\")
		bare.send(chat.Frame{Type: chat.TypeMessage, Address: "192.0.2.1", Port: "1", Text: text}) // not what it is
		want[said{bare.conn.LocalAddr().String(), text}]++
		for _, d := range all {
			d.must(codec.CommandChat, &pb.ChatRequest{Text: d.name + " " + text}, nil)
			want[said{d.local.String(), d.name + " " + text}]++
		}
	}
	var first []said
	for len(first) < lines*(1+len(all)) {
		f, ok := bare.next()
		if !ok {
			t.Fatal("chat: the connection has ended")
		}
		if f.Type == chat.TypeMessage {
			first = append(first, said{f.Address + ":" + f.Port, f.Text})
			want[first[len(first)-1]]--
		}
	}
	for line, n := range want {
		if n != 0 {
			t.Errorf("%+v: %d times too few", line, n)
		}
	}
	for _, d := range all {
		if got := d.chat(len(first)); !slices.Equal(got, first) {
			t.Errorf("%s:\n%q, the chat listener has\n%q", d.name, got, first)
		}
	}
}

// chat returns the next n chat messages that somebody said.
func (d *door) chat(n int) (all []said) {
	d.t.Helper()
	for len(all) < n {
		var c pb.ChatMessage
		m := d.push()
		if m.Command != codec.PushChatMessage {
			continue
		}
		if err := c.UnmarshalVT(m.Body); err != nil {
			d.t.Fatal(err)
		}
		if c.Event == pb.ChatEvent_CHAT_EVENT_UNSPECIFIED {
			all = append(all, said{fmt.Sprint(c.Address, ":", c.Port), c.Text})
		}
	}
	return all
}
