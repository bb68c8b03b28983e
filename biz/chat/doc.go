// Package chat has the chat rooms: what one session says in a room, all its sessions get,
// with the address and port of the sender as the server sees them, and the customer number
// if the sender is logged in. The sender gets its message, too.
//
// Each room has an engine.Feed, so that a message is encoded once for each dialect. All that
// happens in a room has one order, that in which its lock was held: a session that joins
// gets the last messages of the room and then everything that follows, without a gap and
// without repeats. The other sessions in the room get JOINED and LEFT events.
//
// A session of a chat listener (codec/chat) is in the common room, whose name is empty, from
// its open to its close. Other sessions use the command Chat; they must be logged in, and
// leave all rooms when they log out or their login is revoked. Who may use the command may
// list the members of any room.
//
// # Limits
//
// Beyond these limits a request is answered REJECTED with a text:
//
//   - A text is UTF-8, has 1 to 4,096 bytes and is passed on as it is.
//   - The name of a room has at most 64 bytes of printable UTF-8.
//   - A session is in at most 16 rooms.
//   - There are at most 1,024 rooms, the common one included.
//
// A page of members has at most 1,000 of them, the list for a chat listener 10,000.
//
// A room stores its last 100 messages. When those of all rooms have more than 16 MiB, a room
// that stores one more keeps at most its last 16 KiB, so that all together never have more
// than 32 MiB, whatever is said in how many rooms. A room disappears with its messages when
// the last session leaves it, except the common room. Nothing is stored on disk.
//
// A session that joins gets of the last messages what half of its limit for unsent output
// holds: all of them, unless that limit (limits.outbound_hard_bytes) is below its default.
// Output for a session that reads slowly is bounded by the feed: a session that is too far
// behind is closed as a slow consumer. How much a session may say is only limited by its
// requests in flight.
//
// Goroutine: the methods of Rooms may be called from any goroutine; the calls for one session
// must not overlap. Locks: Rooms.mu is taken before room.mu.
package chat
