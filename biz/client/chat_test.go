package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// chatting is a server with chat rooms in which one client is alone.
type chatting struct {
	mu       sync.Mutex
	requests []string                     // "action room text"
	said     map[string][]*pb.ChatMessage // by room
	refuse   string                       // a room
	busy     int                          // requests that it is too busy for
	onBusy   func()
}

func (s *chatting) handle(c *fakeConn, m codec.Message) {
	if m.Command != codec.CommandChat {
		ok(c, m)
		return
	}
	var request pb.ChatRequest
	if err := request.UnmarshalVT(m.Body); err != nil {
		c.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, strings.TrimSpace(fmt.Sprintf("%s %s %s", strings.TrimPrefix(request.Action.String(), "CHAT_ACTION_"), request.Room, request.Text)))
	switch {
	case s.busy > 0:
		s.busy--
		s.onBusy()
		c.answer(m, codec.ResultOverloaded, &pb.Error{Message: "busy"})
		return
	case request.Room == s.refuse:
		c.answer(m, codec.ResultRejected, &pb.Error{Message: "no such room"})
		return
	case request.Action == pb.ChatAction_CHAT_ACTION_WHO:
		c.answer(m, codec.ResultOK, &pb.ChatReply{Members: []*pb.ChatMember{{Uid: request.After + 7, Sender: "100001", Address: "::1", Port: 9}}, Count: 3, More: request.After == 0})
		return
	}
	c.answer(m, codec.ResultOK, nil)
	switch request.Action {
	case pb.ChatAction_CHAT_ACTION_JOIN:
		for _, message := range s.said[request.Room] {
			message.Earlier = true
			c.push(codec.PushChatMessage, 0, message)
		}
	case pb.ChatAction_CHAT_ACTION_UNSPECIFIED:
		message := &pb.ChatMessage{Room: request.Room, Sender: "100001", Address: "127.0.0.1", Port: 4000, Text: request.Text, Time: int64(len(s.requests))}
		s.said[request.Room] = append(s.said[request.Room], message)
		c.push(codec.PushChatMessage, 0, message)
	}
}

func (s *chatting) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func newChatting() *chatting {
	return &chatting{said: make(map[string][]*pb.ChatMessage), refuse: "closed"}
}

func TestChat(t *testing.T) {
	server := newChatting()
	pushed := make(chan client.Push, 8)
	c := dial(t, server.handle, client.Options{OnPush: func(p client.Push) { pushed <- p }})
	steps := []error{
		c.JoinRoom(t.Context(), "metals"), c.Say(t.Context(), "metals", "hello"), c.Say(t.Context(), client.CommonRoom, "all"), c.LeaveRoom(t.Context(), "metals"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Error(err)
	}
	want := []string{"JOIN metals", "UNSPECIFIED metals hello", "UNSPECIFIED  all", "LEAVE metals"}
	if got := server.asked(); !slices.Equal(got, want) {
		t.Errorf("requests %q", got)
	}
	first := client.ChatMessage{Room: "metals", Sender: "100001", Address: "127.0.0.1", Port: 4000, Text: "hello", Time: time.Unix(0, 2)}
	if got := <-pushed; got.Event != client.Event(first) || got.Sequence != 0 {
		t.Errorf("pushed %+v", got)
	}
	var refused *client.Error
	if err := c.Say(t.Context(), "closed", "x"); !errors.As(err, &refused) || refused.Message != "no such room" {
		t.Errorf("refused: %v", err)
	}
	page, err := c.Members(t.Context(), "metals", 0)
	if err != nil || !page.More || page.Count != 3 || page.Members[0] != (client.Member{UID: 7, Sender: "100001", Address: "::1", Port: 9}) {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err = c.Members(t.Context(), "metals", page.Members[0].UID); err != nil || page.More || page.Members[0].UID != 14 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestMembersWithoutEnd: a page that announces more and leads nowhere is an error, or the
// caller's loop would not end.
func TestMembersWithoutEnd(t *testing.T) {
	for name, members := range map[string][]*pb.ChatMember{"empty": nil, "before the start": {{Uid: 7}}} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, func(c *fakeConn, m codec.Message) {
				c.answer(m, codec.ResultOK, &pb.ChatReply{Members: members, More: true})
			}, client.Options{})
			if page, err := c.Members(t.Context(), "", 7); !errors.Is(err, client.ErrProtocol) {
				t.Errorf("%+v, %v", page, err)
			}
		})
	}
}

// TestChatReconnect: the client joins its rooms again, and the messages that it has had are
// not pushed again.
func TestChatReconnect(t *testing.T) {
	server := newChatting()
	pushed := make(chan client.Push, 16)
	c := dial(t, loggedIn(account{}, server.handle), client.Options{OnPush: func(p client.Push) { pushed <- p }})
	login(t, c)
	for _, room := range []string{"metals", "left", "closed", ""} {
		if err := c.Say(t.Context(), room, "to "+room); (err != nil) != (room == "closed") {
			t.Fatal(err)
		}
	}
	if err := c.LeaveRoom(t.Context(), "left"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for len(pushed) > 0 {
		<-pushed
	}
	server.mu.Lock()
	server.requests, server.refuse = nil, ""
	server.said["metals"] = append(server.said["metals"], &pb.ChatMessage{Room: "metals", Text: "meanwhile", Time: 5}, &pb.ChatMessage{Room: "metals", Text: "to metals", Time: 6})
	server.mu.Unlock()

	next, _, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001)) // the common room is closed now
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Heartbeat(t.Context()); err != nil { // the server has sent everything
		t.Fatal(err)
	}
	next.Close()
	var texts []string
	for len(pushed) > 0 {
		texts = append(texts, (<-pushed).Event.(client.ChatMessage).Text)
	}
	if want := []string{"meanwhile", "to metals"}; !slices.Equal(texts, want) {
		t.Errorf("pushed %q, want %q", texts, want)
	}
	again, _, err := next.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if got, want := server.asked(), []string{"JOIN", "JOIN metals", "JOIN metals"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// TestChatReconnectToBusyServer: a client does not lose a room because the server is busy
// when it comes back.
func TestChatReconnectToBusyServer(t *testing.T) {
	server := newChatting()
	c := dial(t, loggedIn(account{}, server.handle), client.Options{})
	login(t, c)
	if err := c.JoinRoom(t.Context(), "metals"); err != nil {
		t.Fatal(err)
	}
	server.mu.Lock()
	ctx, cancel := context.WithCancel(t.Context())
	server.requests, server.busy, server.onBusy = nil, 3, func() {
		if server.busy == 0 {
			cancel()
		}
	}
	server.mu.Unlock()
	next, _, err := c.Reconnect(ctx, 100001, client.DemoToken(100001)) // it ends before it is back in the room
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := next.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if got, want := server.asked(), slices.Repeat([]string{"JOIN metals"}, 4); !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

func ExampleClient_Say() {
	server := newFake(newChatting().handle)
	defer server.close()
	ctx := context.Background()
	heard := make(chan client.ChatMessage, 1)
	c, err := client.Dial(ctx, server.addr(), client.Options{OnPush: func(p client.Push) {
		if message, ok := p.Event.(client.ChatMessage); ok {
			heard <- message
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	if err := c.Say(ctx, "metals", "good morning"); err != nil {
		fmt.Println(err)
		return
	}
	message := <-heard
	fmt.Println(message.Room, message.Sender, message.Text)
	// Output: metals 100001 good morning
}
