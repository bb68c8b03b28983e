package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// CommonRoom is the room of the chat listeners.
const CommonRoom = ""

// ChatEvent says what a ChatMessage reports. The numbers are those of the protocol.
type ChatEvent int32

// The events of a room.
const (
	ChatSaid   ChatEvent = 0
	ChatJoined ChatEvent = 1
	ChatLeft   ChatEvent = 2
)

// ChatMessage is a message in a room, or a member that joined or left it.
type ChatMessage struct {
	Room string // CommonRoom, or its name
	// Sender is the customer number; it is empty for somebody who is not logged in.
	Sender  string
	Address string
	Port    uint16 // 0: no port, as on a Unix socket
	Text    string
	Event   ChatEvent
	Time    time.Time
	// Earlier is true if the message was sent before this session joined.
	Earlier bool
}

// Member is a session in a room.
type Member struct {
	UID     uint64
	Sender  string // as in ChatMessage
	Address string
	Port    uint16
}

// MemberPage is a part of the members of a room.
type MemberPage struct {
	Members []Member // sorted by UID
	Count   int      // of all members
	// More is true if there are further members: to read them, pass the UID of the last of
	// these to Members.
	More bool
}

// JoinRoom joins a room: from now on its messages are pushed, first the last ones from
// before, marked Earlier. A name has at most 64 bytes.
func (c *Client) JoinRoom(ctx context.Context, name string) error {
	return c.chat(ctx, &pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_JOIN})
}

// LeaveRoom leaves a room.
func (c *Client) LeaveRoom(ctx context.Context, name string) error {
	return c.chat(ctx, &pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_LEAVE})
}

// Say sends a text of at most 4 KiB to a room, which it joins first. The message is pushed
// to all members, to this client as well.
func (c *Client) Say(ctx context.Context, name, text string) error {
	return c.chat(ctx, &pb.ChatRequest{Room: name, Text: text})
}

// Members returns up to 1000 members of a room, those with a UID above after.
func (c *Client) Members(ctx context.Context, name string, after uint64) (MemberPage, error) {
	request := &pb.ChatRequest{Room: name, Action: pb.ChatAction_CHAT_ACTION_WHO, After: after}
	var reply pb.ChatReply
	if err := c.send(ctx, codec.CommandChat, request, &reply); err != nil {
		return MemberPage{}, err
	}
	page := MemberPage{Count: int(reply.Count), More: reply.More}
	for _, m := range reply.Members {
		page.Members = append(page.Members, Member{m.GetUid(), m.GetSender(), m.GetAddress(), uint16(m.GetPort())})
	}
	if n := len(page.Members); page.More && (n == 0 || page.Members[n-1].UID <= after) {
		return MemberPage{}, fmt.Errorf("%w: more members are announced, but this page leads nowhere", ErrProtocol)
	}
	return page, nil
}

// chat sends a request without a body in its reply, and records the rooms that the client
// is in.
func (c *Client) chat(ctx context.Context, request *pb.ChatRequest) error {
	return c.sendThen(ctx, codec.CommandChat, request, nil, func() {
		c.rooms.set(request.Room, request.Action != pb.ChatAction_CHAT_ACTION_LEAVE)
	})
}

// joinAgain joins the rooms of an earlier connection. While the server is busy it tries
// again; it forgets the rooms that the server refuses. After other errors the connection
// ends, too.
func (c *Client) joinAgain(ctx context.Context) {
	for _, name := range c.rooms.list() {
		err := Retry(ctx, func() error { return c.JoinRoom(ctx, name) })
		if errorIsReply(err) && !Busy(err) {
			c.rooms.set(name, false)
		}
	}
}

func chatMessageOf(m *pb.ChatMessage) ChatMessage {
	return ChatMessage{
		Room: m.GetRoom(), Sender: m.GetSender(), Address: m.GetAddress(), Port: uint16(m.GetPort()), Text: m.GetText(),
		Event: ChatEvent(m.GetEvent()), Time: time.Unix(0, m.GetTime()), Earlier: m.GetEarlier(),
	}
}

// maxSeen is how many chat messages are recognised when the server repeats them.
const maxSeen = 4096

// rooms are the chat rooms that a client is in, and what was said there last, over all its
// connections. Goroutine: any. Limit: maxSeen messages; the server limits the rooms.
type rooms struct {
	mu     sync.Mutex
	joined map[string]bool
	seen   *lru.Cache[[sha256.Size]byte, struct{}]
}

func newRooms() *rooms {
	seen, err := lru.New[[sha256.Size]byte, struct{}](maxSeen)
	if err != nil { // only for a size below 1
		panic("client: " + err.Error())
	}
	return &rooms{joined: make(map[string]bool), seen: seen}
}

func (r *rooms) set(name string, in bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in {
		r.joined[name] = true
	} else {
		delete(r.joined, name)
	}
}

func (r *rooms) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.joined))
	for name := range r.joined {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// repeated reports whether m is a message from before the session joined that has been
// pushed already.
func (r *rooms) repeated(m *ChatMessage) bool {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %q %q %q %d %q", m.Event, m.Time.UnixNano(), m.Room, m.Sender, m.Address, m.Port, m.Text))
	before, _ := r.seen.ContainsOrAdd(sum, struct{}{})
	return before && m.Earlier
}
