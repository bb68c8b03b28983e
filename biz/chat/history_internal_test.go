package chat

import (
	"strings"
	"testing"

	"holdfast/codec/pb"
)

// TestStorageLimit: however long the messages of how many rooms are, they are within the
// limit, and each room has at least its share.
func TestStorageLimit(t *testing.T) {
	var all storage
	rooms := make([]history, maxRooms)
	text := strings.Repeat("x", maxTextBytes)
	for n := range rooms {
		h := &rooms[n]
		h.of = &all
		for range maxMessages + 20 {
			h.add(&pb.ChatMessage{Text: text})
			if len(h.messages) > maxMessages {
				t.Fatalf("%d messages", len(h.messages))
			}
		}
		if got := all.bytes.Load(); got > 2*maxStoredBytes {
			t.Fatalf("%d rooms store %d bytes", n+1, got)
		}
		if want := int(shareBytes / sizeOf(h.messages[0])); len(h.messages) < want {
			t.Fatalf("room %d has %d messages, its share holds %d", n, len(h.messages), want)
		}
	}
	if len(rooms[0].messages) != maxMessages {
		t.Errorf("the first room has %d messages", len(rooms[0].messages))
	}
	rooms[0].add(&pb.ChatMessage{Text: text}) // above its share: it makes space
	if rooms[0].bytes > shareBytes {
		t.Errorf("a room stores %d bytes, its share is %d", rooms[0].bytes, shareBytes)
	}
	for n := range rooms {
		rooms[n].clear()
	}
	if got := all.bytes.Load(); got != 0 {
		t.Errorf("%d bytes stored by no room", got)
	}
}

func TestNewest(t *testing.T) {
	h := history{of: new(storage)}
	for _, text := range []string{"a", "bb", "ccc"} {
		h.add(&pb.ChatMessage{Text: text})
	}
	for _, tc := range []struct {
		most int64
		want int
	}{{0, 0}, {messageBytes + 2, 0}, {messageBytes + 3, 1}, {2*messageBytes + 4, 1}, {2*messageBytes + 5, 2}, {1 << 20, 3}} {
		got := h.newest(tc.most)
		if len(got) != tc.want || tc.want > 0 && got[tc.want-1].Text != "ccc" {
			t.Errorf("%d bytes: %v", tc.most, got)
		}
	}
}
