package link

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	ownerSubject = "hf.owner"
	askSubject   = "hf.owner.ask"
	// announceTime is the time between two announcements of an owner.
	announceTime = 500 * time.Millisecond
)

// Owner announces which node serves a stream. Of several, the one with the highest epoch is right.
type Owner struct {
	Stream int    `json:"stream"`
	Node   string `json:"node"`
	Epoch  uint64 `json:"epoch"`
	// Ended says that the venue of this epoch serves no more.
	Ended bool `json:"ended,omitempty"`
}

// Announce publishes o.
func (o Owner) Announce(conn *nats.Conn) error {
	b, _ := json.Marshal(o) // it can't fail
	return conn.Publish(ownerSubject, b)
}

// WatchOwners calls f for each announcement, one at a time, and asks all owners to announce
// themselves. Unsubscribe ends it.
func WatchOwners(conn *nats.Conn, f func(Owner)) (*nats.Subscription, error) {
	s, err := conn.Subscribe(ownerSubject, func(m *nats.Msg) {
		var o Owner
		if json.Unmarshal(m.Data, &o) == nil {
			f(o)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return s, conn.Publish(askSubject, nil)
}

// VenueSubject is where a venue gets messages.
func VenueSubject(stream int, epoch uint64) string {
	return "hf.v." + strconv.Itoa(stream) + "." + strconv.FormatUint(epoch, 10)
}

// FrontSubject is where a front gets messages. Node must not have dots or spaces.
func FrontSubject(node, incarnation string) string { return "hf.f." + node + "." + incarnation }
