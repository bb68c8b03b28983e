package chat

import (
	"cmp"
	"slices"
	"sync"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// room is one chat room. A room that has disappeared is no longer used.
type room struct {
	of   *Rooms
	name string
	feed *engine.Feed

	mu      sync.Mutex
	members []*pb.ChatMember // by uid
	last    history
}

func newRoom(of *Rooms, name string) *room {
	return &room{of: of, name: name, feed: of.core.NewFeed(engine.FeedOptions{}), last: history{of: &of.stored}}
}

// add makes a session join: out gets the last messages, everything later comes from the feed.
func (r *room) add(out *engine.Outbox, m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, message := range r.last.newest(int64(r.of.core.Limits().OutboundHardBytes / 2)) {
		out.Push(m.session, codec.PushChatMessage, 0, message)
	}
	r.push(m.event(r, pb.ChatEvent_CHAT_EVENT_JOINED, ""))
	r.feed.Join(out, m.session, nil)
	at, _ := r.find(m.who.Uid)
	r.members = slices.Insert(r.members, at, m.who)
}

// remove makes a session leave and reports whether it was the last one.
func (r *room) remove(m *member) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.feed.Leave(m.session)
	at, _ := r.find(m.who.Uid)
	r.members = slices.Delete(r.members, at, at+1)
	if r.of.core.Serving() == nil { // else all are leaving
		r.push(m.event(r, pb.ChatEvent_CHAT_EVENT_LEFT, ""))
	}
	return len(r.members) == 0
}

// say sends a message of a session in the room to all, and stores it.
func (r *room) say(m *member, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	message := m.event(r, pb.ChatEvent_CHAT_EVENT_UNSPECIFIED, text)
	r.push(message)
	message.Earlier = true
	r.last.add(message)
}

// push sends a message to all members. The caller holds mu.
func (r *room) push(message *pb.ChatMessage) {
	r.feed.Append(0, codec.PushChatMessage, 0, message)
}

// list is explained at Rooms.list.
func (r *room) list(after uint64, limit int) *pb.ChatReply {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, found := r.find(after)
	if found {
		from++
	}
	to := min(from+limit, len(r.members))
	return &pb.ChatReply{
		Members: slices.Clone(r.members[from:to]), Count: uint32(len(r.members)), More: to < len(r.members),
	}
}

// clear drops the messages of a room that disappears.
func (r *room) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.clear()
}

// find returns the place of a member, or where it would be. The caller holds mu.
func (r *room) find(uid uint64) (at int, found bool) {
	return slices.BinarySearchFunc(r.members, uid, func(m *pb.ChatMember, uid uint64) int { return cmp.Compare(m.Uid, uid) })
}
