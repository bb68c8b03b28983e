package chat_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	frames "holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/engine"
)

const (
	said   = pb.ChatEvent_CHAT_EVENT_UNSPECIFIED
	joined = pb.ChatEvent_CHAT_EVENT_JOINED
	left   = pb.ChatEvent_CHAT_EVENT_LEFT
)

// TestAllDoorsGetTheSame: clients of all dialects in the common room get every message in the
// same order, their own too, with the address and port that the server sees.
func TestAllDoorsGetTheSame(t *testing.T) {
	h := start(t, engine.Limits{})
	watcher, quiet := h.enter(), h.login(packetDoor, alice)
	quiet.join("")
	packet, tlv, framed := h.login(packetDoor, alice), h.login(tlvDoor, bob), h.enter()
	packet.join("")
	tlv.join("")
	senders := []*peer{packet, tlv, framed}
	for n := range 20 {
		for i, p := range senders {
			p.say("", fmt.Sprintf("%d of %d, 你好\x1b[0m", n, i))
		}
	}
	var want []*pb.ChatMessage
	for range 60 {
		m := quiet.hears()
		for m.Event != said {
			m = quiet.hears()
		}
		want = append(want, m)
	}
	counts := make([]int, len(senders))
	for _, m := range want {
		i := slices.IndexFunc(senders, func(p *peer) bool {
			address, port := p.address()
			return address == m.Address && port == m.Port
		})
		if i < 0 || m.Text != fmt.Sprintf("%d of %d, 你好\x1b[0m", counts[i], i) || m.Sender != []string{"100001", "100002", ""}[i] ||
			m.Room != "" || m.Earlier || m.Time == 0 {
			t.Fatalf("%v", m)
		}
		counts[i]++
	}
	for _, p := range []*peer{watcher, packet, tlv, framed} {
		for n, w := range want {
			m := p.hears()
			for m.Event != said {
				m = p.hears()
			}
			if p.door == chatDoor {
				w = &pb.ChatMessage{Address: w.Address, Port: w.Port, Text: w.Text}
			}
			if !proto.Equal(m, w) {
				t.Fatalf("door %d, message %d: %v, want %v", p.door, n, m, w)
			}
		}
	}
}

// TestClaimedAddressIsIgnored: what a frame of a client has as its sender is not relayed.
func TestClaimedAddressIsIgnored(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.dial(chatDoor)
	p.write(frames.AppendFrame(nil, frames.Frame{Type: frames.TypeMessage, Address: "203.0.113.9", Port: "80", Text: "hi"}))
	address, port := p.address()
	if m := p.hears(); m.Address != address || m.Port != port || m.Text != "hi" {
		t.Errorf("%v, want %s %d", m, address, port)
	}
}

// TestSocketFile: a client of a socket file has no port, and "unix" for its address.
func TestSocketFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.sock")
	s, err := server.Start(t.Context(), server.Config{
		Data: t.TempDir(), Seed: newSeed(t, seed.DemoToken(bob)), EventLoops: 1,
		Listeners: []engine.Listener{{Address: "unix:" + path, Dialect: frames.Dialect{}}},
		Log:       slog.New(slog.DiscardHandler),
	})
	must(t, err)
	defer func() { must(t, s.Stop()) }()
	conn, err := net.Dial("unix", path)
	must(t, err)
	defer func() { _ = conn.Close() }()
	p := &peer{t: t, door: chatDoor, conn: conn}
	p.say("", "hi")
	if m := p.hears(); m.Address != "unix" || m.Port != 0 {
		t.Errorf("%v", m)
	}
	if list := p.list(); len(list) != 2 || list[0].Address != "unix" || list[0].Port != "0" || list[1].Text != "1" {
		t.Errorf("%v", list)
	}
}

// TestJoinedAndLeft: the others in a room learn of a session that joins and leaves, in
// whatever way, and it does not itself.
func TestJoinedAndLeft(t *testing.T) {
	h := start(t, engine.Limits{})
	watcher := h.login(packetDoor, alice)
	watcher.join("")
	sees := func(what string, e pb.ChatEvent, p *peer, sender string) {
		t.Helper()
		address, port := p.address()
		if m := watcher.hears(); m.Event != e || m.Address != address || m.Port != port || m.Sender != sender || m.Text != "" {
			t.Errorf("%s: %v", what, m)
		}
	}
	p := h.login(packetDoor, bob)
	p.join("")
	sees("join", joined, p, "100002")
	p.join("")
	p.leave("")
	sees("leave", left, p, "100002")
	p.leave("")
	p.say("", "hi")
	sees("say", joined, p, "100002")
	if m := watcher.hears(); m.Text != "hi" {
		t.Errorf("%v", m)
	}
	if m := p.hears(); m.Text != "hi" || m.Earlier { // and no event about itself
		t.Errorf("the sender gets %v", m)
	}
	must(t, p.conn.Close())
	sees("close", left, p, "100002")
	c := h.dial(chatDoor)
	sees("open of the chat door", joined, c, "")
	must(t, c.conn.Close())
	sees("close of the chat door", left, c, "")
}

// TestLogoutLeaves: a session that logs out leaves its rooms, and joins with its next login as
// who that is.
func TestLogoutLeaves(t *testing.T) {
	h := start(t, engine.Limits{})
	watcher, p := h.login(packetDoor, alice), h.login(packetDoor, bob)
	for _, name := range []string{"", "tin"} {
		watcher.join(name)
		p.join(name)
	}
	p.send(codec.CommandLogout, nil)
	p.ok(codec.CommandLogout)
	for _, name := range []string{"", "tin"} {
		if reply := watcher.who(name, 0, 0); reply.Count != 1 || reply.Members[0].Sender != "100001" {
			t.Errorf("%q: %v", name, reply)
		}
		if result, text := p.refused(&pb.ChatRequest{Room: name, Text: "hi"}); result != codec.ResultUnauthenticated || text != "log in first" {
			t.Errorf("after the logout: %v %q", result, text)
		}
	}
	p.login(alice)
	p.join("tin")
	if reply := watcher.who("tin", 0, 0); reply.Count != 2 || reply.Members[1].Sender != "100001" {
		t.Errorf("after the login: %v", reply)
	}
}

// TestRevokedLeaves: a session whose credential is revoked leaves its rooms.
func TestRevokedLeaves(t *testing.T) {
	h := start(t, engine.Limits{})
	watcher, p := h.login(packetDoor, alice), h.login(tlvDoor, bob)
	watcher.join("tin")
	p.join("tin")
	r, err := h.Gateway.Reload(newSeed(t, []byte("another token of thirty-two byte")))
	must(t, err)
	if reply := watcher.who("tin", 0, 0); r.Sessions != 1 || reply.Count != 1 {
		t.Errorf("%d sessions ended, then %v", r.Sessions, reply)
	}
}

// TestEmptyRoomDisappears: a room is new after all have left it; the common room is not.
func TestEmptyRoomDisappears(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.login(packetDoor, alice)
	for _, name := range []string{"", "tin"} {
		p.say(name, "hi")
		p.ok(codec.CommandChat)
		p.leave(name)
		p.chat(&pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_JOIN})
		p.say(name, "again")
		var earlier []string
		for m := p.hears(); m.Text != "again"; m = p.hears() {
			if m.Earlier {
				earlier = append(earlier, m.Text)
			}
		}
		if want := name == ""; slices.Equal(earlier, []string{"hi"}) != want || len(earlier) > 0 != want {
			t.Errorf("room %q has %q", name, earlier)
		}
	}
}

// TestLastMessages: who joins gets the last 100 messages, then what follows.
func TestLastMessages(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.login(packetDoor, alice)
	long := strings.Repeat("x", 4090)
	for door := range doors {
		for n := range 130 {
			p.say("", fmt.Sprint(n, long))
			p.ok(codec.CommandChat)
		}
		late := h.dial(door)
		if door != chatDoor {
			late.login(bob)
			late.chat(&pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN})
		}
		for n := 30; n < 130; n++ {
			if m := late.hears(); m.Text != fmt.Sprint(n, long) || m.Event != said || m.Earlier != (door != chatDoor) {
				t.Fatalf("door %d: %.10s %v, want %d", door, m.Text, m.Earlier, n)
			}
		}
		late.say("", "here")
		if m := late.hears(); m.Text != "here" || m.Earlier {
			t.Errorf("then %v", m)
		}
	}
}

// TestLastMessagesFitTheLimit: a session that joins gets the newest messages that half of its
// limit for unsent output holds.
func TestLastMessagesFitTheLimit(t *testing.T) {
	const messages, size, limit = 100, 4096, 256 << 10
	h := start(t, engine.Limits{OutboundSoftBytes: limit / 2, OutboundHardBytes: limit})
	p := h.login(packetDoor, alice)
	p.join("full")
	for n := range messages {
		p.say("full", fmt.Sprintf("%*d", size, n))
		p.ok(codec.CommandChat)
	}
	late := h.login(packetDoor, bob)
	late.chat(&pb.ChatRequest{Room: "full", Action: pb.ChatAction_CHAT_ACTION_JOIN})
	first, got := late.hears(), 1
	for m := first; m.Text != fmt.Sprintf("%*d", size, messages-1); got++ {
		m = late.hears()
	}
	if most := limit / 2 / size; got > most || got < most*9/10 {
		t.Errorf("%d messages of %d bytes, want nearly %d", got, size, most)
	}
	if want := fmt.Sprintf("%*d", size, messages-got); first.Text != want {
		t.Errorf("the first is %q", strings.TrimSpace(first.Text))
	}
}

// TestManyJoinsAtOnce: a client that joins again and again without waiting, and reads what it
// gets, is no slow consumer: its requests wait until it has read the last messages.
func TestManyJoinsAtOnce(t *testing.T) {
	const messages, joins = 100, 100
	h := start(t, engine.Limits{})
	holder, p := h.login(packetDoor, bob), h.login(packetDoor, alice)
	holder.join("full")
	for range messages {
		holder.say("full", strings.Repeat("x", 4096))
		holder.ok(codec.CommandChat)
	}
	var requests []byte
	for n := range uint64(joins) {
		for _, action := range []pb.ChatAction{pb.ChatAction_CHAT_ACTION_JOIN, pb.ChatAction_CHAT_ACTION_LEAVE} {
			requests = codec.Packet{}.AppendPush(requests, codec.CommandChat, n, &pb.ChatRequest{Room: "full", Action: action})
		}
	}
	p.write(requests)
	for range joins {
		for range messages {
			if m := p.hears(); !m.Earlier {
				t.Fatal(m)
			}
		}
	}
}

// TestHeartbeatIsNotRelayed: an empty message is neither relayed nor answered.
func TestHeartbeatIsNotRelayed(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.enter()
	other := h.enter()
	if m := p.hears(); m.Event != joined {
		t.Fatalf("%v", m)
	}
	p.send(codec.CommandHeartbeat, nil)
	p.say("", "after it")
	for _, q := range []*peer{p, other} {
		if m := q.hears(); m.Text != "after it" {
			t.Errorf("%v", m)
		}
	}
}

// TestWho lists members by pages, and all at once at the chat door.
func TestWho(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.login(packetDoor, alice)
	if reply := p.who("", 0, 0); reply.Count != 0 || len(reply.Members) != 0 || reply.More {
		t.Errorf("an empty room: %v", reply)
	}
	if reply := p.who("nowhere", 0, 0); reply.Count != 0 || reply.More {
		t.Errorf("no room: %v", reply)
	}
	p.join("")
	const all = 1010
	want := make(map[string]bool) // one fewer if p and a client of the chat door have the same port
	var last *peer
	for range all - 1 {
		last = h.dial(chatDoor)
		want[last.conn.LocalAddr().String()] = true
	}
	want[p.conn.LocalAddr().String()] = true
	eventually(t, "all to join", func() bool { return p.who("", 0, 1).Count == all })
	for _, tc := range []struct {
		limit       uint32
		rows, pages int
	}{{0, 1000, 2}, {5000, 1000, 2}, {505, 505, 2}, {100, 100, 11}} {
		seen := make(map[string]bool)
		pages, after := 0, uint64(0)
		for more := true; more; pages++ {
			reply := p.who("", after, tc.limit)
			more = reply.More
			if reply.Count != all || more && len(reply.Members) != tc.rows {
				t.Fatalf("limit %d, page %d: %d of %d", tc.limit, pages, len(reply.Members), reply.Count)
			}
			for _, m := range reply.Members {
				if m.Uid <= after || m.Sender == "100001" && m.Port != uint32(p.conn.LocalAddr().(*net.TCPAddr).Port) {
					t.Fatalf("%v after %d", m, after)
				}
				after = m.Uid
				seen[fmt.Sprintf("%s:%d", m.Address, m.Port)] = want[fmt.Sprintf("%s:%d", m.Address, m.Port)]
			}
		}
		if len(seen) != len(want) || pages != tc.pages || slices.Contains(slices.Collect(maps.Values(seen)), false) {
			t.Errorf("limit %d: %d members on %d pages", tc.limit, len(seen), pages)
		}
	}
	list := last.list()
	if end := list[len(list)-1]; len(list) != all+1 || end != (frames.Frame{Type: frames.TypeWho, Text: "1010"}) {
		t.Fatalf("%d frames, the last one is %v", len(list), end)
	}
	for _, f := range list[:all] {
		if !want[f.Address+":"+f.Port] || f.Text != "" {
			t.Errorf("%v", f)
		}
	}
}

// TestLimits: what is beyond a limit is refused with a text, and the session goes on.
func TestLimits(t *testing.T) {
	h := start(t, engine.Limits{})
	p := h.login(packetDoor, alice)
	const join = pb.ChatAction_CHAT_ACTION_JOIN
	name := strings.Repeat("é", 32)
	cases := []struct {
		name string
		r    *pb.ChatRequest
		want string // "": accepted
	}{
		{"longest text", &pb.ChatRequest{Text: strings.Repeat("é", 2048)}, ""},
		{"one byte more", &pb.ChatRequest{Text: strings.Repeat("é", 2048) + "x"}, "the text has 4097 bytes, at most 4096 are possible"},
		{"no text", &pb.ChatRequest{}, "the text is empty"},
		{"longest name", &pb.ChatRequest{Room: name, Action: join}, ""},
		{"a blank in the name", &pb.ChatRequest{Room: "tin and rail", Action: join}, ""},
		{"name too long", &pb.ChatRequest{Room: name + "x", Action: join}, "the name of a room has at most 64 bytes of printable UTF-8"},
		{"control character", &pb.ChatRequest{Room: "a\x1bb", Text: "hi"}, "the name of a room has at most 64 bytes of printable UTF-8"},
		{"line end", &pb.ChatRequest{Room: "a\n", Action: pb.ChatAction_CHAT_ACTION_WHO}, "the name of a room has at most 64 bytes of printable UTF-8"},
		{"text direction", &pb.ChatRequest{Room: "a\u202eb", Action: pb.ChatAction_CHAT_ACTION_LEAVE}, "the name of a room has at most 64 bytes of printable UTF-8"},
		{"unknown action", &pb.ChatRequest{Action: 4}, "unknown action"},
		{"negative action", &pb.ChatRequest{Action: -1}, "unknown action"},
	}
	for _, tc := range cases {
		want := codec.ResultRejected
		if tc.want == "" {
			want = codec.ResultOK
		}
		if result, text := p.refused(tc.r); result != want || text != tc.want {
			t.Errorf("%s: %v %q", tc.name, result, text)
		}
	}
	for _, body := range []string{"\x12\x02\xff\xfe", "\x0a\x01\xff\x12\x02hi"} { // as text, as the name
		p.send(codec.CommandChat, codec.Raw(body))
		if e := p.reply(codec.CommandChat); e.result != codec.ResultRejected || !strings.Contains(string(e.body), "UTF-8") {
			t.Errorf("%q: %v %q", body, e.result, e.body)
		}
	}
	p.send(codec.CommandChat, codec.Raw("\xff"))
	if e := p.reply(codec.CommandChat); e.result != codec.ResultMalformed {
		t.Errorf("no message: %v", e.result)
	}
}

// TestNumberOfRooms: a session is in at most 16 rooms, and there are at most 1,024.
func TestNumberOfRooms(t *testing.T) {
	h := start(t, engine.Limits{})
	join := func(p *peer, name string) (codec.Result, string) {
		return p.refused(&pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_JOIN})
	}
	count := 1 // the common room
	var all []*peer
	for count < 1024 {
		p := h.login(packetDoor, alice)
		all = append(all, p)
		for range min(16, 1024-count) {
			p.join(fmt.Sprint("room ", count))
			count++
		}
	}
	last := all[len(all)-1] // in 15 rooms
	for _, r := range []*pb.ChatRequest{{Room: "one more", Action: pb.ChatAction_CHAT_ACTION_JOIN}, {Room: "one more", Text: "hi"}} {
		if result, text := last.refused(r); result != codec.ResultRejected || text != "there are 1024 rooms already; join one of them" {
			t.Errorf("%v %q", result, text)
		}
	}
	last.join("")
	last.join("")
	for _, name := range []string{"one more", "room 1"} {
		if result, text := join(last, name); result != codec.ResultRejected || text != "this session is in 16 rooms already; leave one first" {
			t.Errorf("%v %q", result, text)
		}
	}
	last.leave("")
	must(t, all[0].conn.Close())
	eventually(t, "the rooms to disappear", func() bool {
		result, _ := join(last, "one more")
		return result == codec.ResultOK
	})
}

// TestNeedsLogin: the command needs a login outside the chat door.
func TestNeedsLogin(t *testing.T) {
	h := start(t, engine.Limits{})
	for _, door := range []int{packetDoor, tlvDoor} {
		p := h.dial(door)
		for action := range pb.ChatAction_name {
			if result, text := p.refused(&pb.ChatRequest{Text: "hi", Action: pb.ChatAction(action)}); result != codec.ResultUnauthenticated || text != "log in first" {
				t.Errorf("action %d: %v %q", action, result, text)
			}
		}
	}
}

// TestMalformedFrames: a client of the chat door that sends no message gets the reason, then
// the end of the connection. What it said before was relayed, and others stay.
func TestMalformedFrames(t *testing.T) {
	h := start(t, engine.Limits{})
	watcher := h.enter()
	for name, bad := range map[string]string{
		"length 0":                     "\x00\x00",
		"length 4":                     "\x00\x04\x01\x00\x00\x00",
		"negative length":              "\xff\xff",
		"length in the wrong order":    "\x11\x00\x01\x00\x00\x00\x00",
		"shorter than its parts":       "\x00\x05\x01\x00\x00\x00\x01",
		"FAddr longer than the length": "\x00\x05\x01\xff\xff\x00\x00",
		"unknown type":                 "\x00\x05\x09\x00\x00\x00\x00",
		"a type of the server":         "\x00\x07\x02\x00\x00\x00\x00hi",
		"no UTF-8":                     "\x00\x06\x01\x00\x00\x00\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			p := h.dial(chatDoor)
			p.t, watcher.t = t, t
			p.say("", "before "+name)
			p.write([]byte(bad))
			if e := p.ends(); e.frame.Type != frames.TypeError || e.frame.Text == "" || e.frame.Address != "" {
				t.Errorf("ends with %+v", e.frame)
			}
			must(t, p.conn.Close())
			watcher.wants("the message", func(e event) bool { return e.message != nil && e.message.Text == "before "+name })
			watcher.wants("the event", func(e event) bool { return e.message != nil && e.message.Event == left })
		})
	}
}

// TestUnfinishedFrame: half a frame and silence end the connection with the reason.
func TestUnfinishedFrame(t *testing.T) {
	h := start(t, engine.Limits{FrameTime: 1})
	p := h.dial(chatDoor)
	p.write([]byte("\x00\x0a\x01\x00\x00\x00\x00he"))
	if e := p.ends(); e.frame.Type != frames.TypeError || !strings.Contains(e.frame.Text, "not completed in time") {
		t.Errorf("ends with %+v", e.frame)
	}
}

// TestTooManyConnections: a client that can't be accepted at the chat door gets the reason.
func TestTooManyConnections(t *testing.T) {
	h := start(t, engine.Limits{MaxConnections: 1})
	p := h.dial(chatDoor)
	p.say("", "hi")
	p.hears()
	if e := h.dial(chatDoor).ends(); e.frame.Type != frames.TypeError || !strings.Contains(e.frame.Text, "too many connections") {
		t.Errorf("ends with %+v", e.frame)
	}
}

// TestStop: a stop of the server ends the connections with the reason. Nobody gets an event
// for each of the others.
func TestStop(t *testing.T) {
	h := start(t, engine.Limits{})
	const all = 50
	peers := make([]*peer, all)
	for n := range peers {
		peers[n] = h.dial(chatDoor)
	}
	watcher := h.login(packetDoor, alice)
	eventually(t, "all to join", func() bool { return watcher.who("", 0, 1).Count == all })
	done := make(chan error)
	go func() { done <- h.Stop() }()
	for _, p := range peers {
		for {
			e, err := p.next()
			must(t, err)
			if e.message != nil && e.message.Event == left {
				t.Fatalf("%v", e.message)
			}
			if e.frame.Type == frames.TypeError {
				break
			}
		}
		must(t, p.conn.Close())
	}
	must(t, watcher.conn.Close())
	must(t, <-done)
}
