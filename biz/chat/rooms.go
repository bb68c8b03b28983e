package chat

import (
	"net"
	"slices"
	"sync"
	"time"

	frames "holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Limits of rooms; see the package comment.
const (
	maxRooms        = 1024
	maxSessionRooms = 16
	maxNameBytes    = 64
	maxTextBytes    = frames.MaxTextBytes
	maxPage         = 1000
	maxList         = 10_000
)

// common is the name of the common room.
const common = ""

// Config configures Rooms.
type Config struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Rooms are the chat rooms of a server.
type Rooms struct {
	now     func() time.Time
	core    *engine.Core
	members engine.Property[*member] // nil: the session has never joined
	stored  storage

	mu    sync.Mutex // held while a session joins or leaves a room
	rooms map[string]*room
}

// member is a session that has joined rooms. Goroutine: that of the calls for the session.
type member struct {
	session *engine.Session
	who     *pb.ChatMember // as the rooms list it; never changed
	rooms   []*room
}

// New returns the rooms of a server. Call Start before anything else.
func New(c Config) *Rooms {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Rooms{now: c.Now, rooms: make(map[string]*room)}
}

// Start connects the rooms to the engine, before that serves.
func (r *Rooms) Start(core *engine.Core) {
	r.core, r.members = core, engine.NewProperty[*member](core)
	r.rooms[common] = newRoom(r, common)
}

// Opened is called when a session opens. One of a chat listener joins the common room.
func (r *Rooms) Opened(s *engine.Session) {
	if isChat(s) {
		_, _ = r.join(r.member(s, ""), common) // there is no limit in the way of this
	}
}

// Left is called when a session has logged out or is closed: it leaves all rooms.
func (r *Rooms) Left(s *engine.Session) {
	m := r.members.Get(s)
	if m == nil {
		return
	}
	for _, x := range m.rooms {
		r.leave(m, x)
	}
	r.members.Set(s, nil)
}

// isChat reports whether a session came to a chat listener.
func isChat(s *engine.Session) bool {
	_, ok := s.Dialect().(frames.Dialect)
	return ok
}

// member returns what the rooms know of a session, which may be nothing yet. sender is who
// is logged in.
func (r *Rooms) member(s *engine.Session, sender string) *member {
	m := r.members.Get(s)
	if m == nil {
		address, port := addressOf(s.RemoteAddr())
		m = &member{session: s, who: &pb.ChatMember{Uid: uint64(s.ID()), Sender: sender, Address: address, Port: port}}
		r.members.Set(s, m)
	}
	return m
}

// addressOf returns the address and port of a peer. Clients of socket files have none.
func addressOf(remote net.Addr) (address string, port uint32) {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return "unix", 0
	}
	at := tcp.AddrPort()
	return at.Addr().Unmap().String(), uint32(at.Port())
}

// in returns the room with that name if the session is in it, else nil.
func (m *member) in(name string) *room {
	for _, x := range m.rooms {
		if x.name == name {
			return x
		}
	}
	return nil
}

// join returns the room with that name and makes the session join it if it is not in it. The
// error is a refusal.
func (r *Rooms) join(m *member, name string) (*room, error) {
	if x := m.in(name); x != nil {
		return x, nil
	}
	if len(m.rooms) == maxSessionRooms {
		return nil, errSessionRooms
	}
	out := r.core.NewOutbox()
	defer out.Free()
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.rooms[name]
	if x == nil {
		if len(r.rooms) == maxRooms {
			return nil, errRooms
		}
		x = newRoom(r, name)
		r.rooms[name] = x
	}
	x.add(out, m)
	out.Post()
	m.rooms = append(m.rooms, x)
	return x, nil
}

// leave makes the session leave a room that it is in. An empty room disappears.
func (r *Rooms) leave(m *member, x *room) {
	m.rooms = slices.DeleteFunc(slices.Clone(m.rooms), func(other *room) bool { return other == x })
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.remove(m) && x.name != common {
		delete(r.rooms, x.name)
		x.clear()
	}
}

// list returns the members of a room whose uid is above after, at most limit of them, and how
// many there are in all.
func (r *Rooms) list(name string, after uint64, limit int) *pb.ChatReply {
	r.mu.Lock()
	x := r.rooms[name]
	r.mu.Unlock()
	if x == nil {
		return new(pb.ChatReply)
	}
	return x.list(after, limit)
}

// event returns a ChatMessage of the member about an event in a room.
func (m *member) event(r *room, e pb.ChatEvent, text string) *pb.ChatMessage {
	return &pb.ChatMessage{
		Room: r.name, Sender: m.who.Sender, Address: m.who.Address, Port: m.who.Port,
		Text: text, Event: e, Time: r.of.now().UnixNano(),
	}
}
