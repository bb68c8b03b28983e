package chat

import (
	"sync/atomic"

	"holdfast/codec/pb"
)

// Limits of what rooms store; see the package comment.
const (
	maxMessages = 100
	// maxStoredBytes is for all rooms together; a room's share is always there for it.
	maxStoredBytes = 16 << 20
	shareBytes     = maxStoredBytes / maxRooms
	// messageBytes is what a message takes besides its text, about.
	messageBytes = 256
)

// storage counts what all rooms store. Goroutine: any.
type storage struct{ bytes atomic.Int64 }

// history has the last messages of a room, the oldest first. Guarded by the room's lock.
type history struct {
	of       *storage
	messages []*pb.ChatMessage
	bytes    int64
}

// add stores a message, and drops the oldest ones that are too many or too long.
func (h *history) add(m *pb.ChatMessage) {
	h.messages = append(h.messages, m)
	h.count(sizeOf(m))
	for len(h.messages) > maxMessages || h.bytes > shareBytes && h.of.bytes.Load() > maxStoredBytes {
		h.count(-sizeOf(h.messages[0]))
		h.messages[0] = nil
		h.messages = h.messages[1:]
	}
}

// newest returns the last messages, as many as most bytes hold.
func (h *history) newest(most int64) []*pb.ChatMessage {
	from := len(h.messages)
	for from > 0 && most >= sizeOf(h.messages[from-1]) {
		from--
		most -= sizeOf(h.messages[from])
	}
	return h.messages[from:]
}

// clear drops all messages.
func (h *history) clear() {
	h.count(-h.bytes)
	h.messages = nil
}

func (h *history) count(sizeBytes int64) {
	h.bytes += sizeBytes
	h.of.bytes.Add(sizeBytes)
}

func sizeOf(m *pb.ChatMessage) int64 { return int64(len(m.Text)) + messageBytes }
