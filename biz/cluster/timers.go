package cluster

import (
	"errors"
	"fmt"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	_ "github.com/nats-io/nats-server/v2/server" // has the variables
)

// The server has no settings for these. A crash of a node is noticed after electionMin to
// electionMax, with its own values after 4 to 9 s.
var (
	//go:linkname minElectionTimeout github.com/nats-io/nats-server/v2/server.minElectionTimeout
	minElectionTimeout time.Duration
	//go:linkname maxElectionTimeout github.com/nats-io/nats-server/v2/server.maxElectionTimeout
	maxElectionTimeout time.Duration
	//go:linkname hbInterval github.com/nats-io/nats-server/v2/server.hbInterval
	hbInterval time.Duration
	//go:linkname lostQuorumInterval github.com/nats-io/nats-server/v2/server.lostQuorumInterval
	lostQuorumInterval time.Duration
	//go:linkname lostQuorumCheck github.com/nats-io/nats-server/v2/server.lostQuorumCheck
	lostQuorumCheck time.Duration
)

// timers are the times of the Raft groups.
type timers struct{ electionMin, electionMax, heartbeat, lostQuorum, lostQuorumCheck time.Duration }

var (
	// theirs are the values that the server has. Another release may rename the variables; then
	// they are new ones here, with the value 0, and setting them would do nothing.
	theirs = timers{4 * time.Second, 9 * time.Second, time.Second, 10 * time.Second, 10 * time.Second}
	ours   = timers{time.Second, 2 * time.Second, 200 * time.Millisecond, 2 * time.Second, 2 * time.Second}
)

// ErrTimers means that the NATS server of this build does not have the timers that the cluster sets.
var ErrTimers = errors.New("cluster: the timers of the NATS server can't be set: build holdfast with the release in go.mod")

// setTimers sets the times of this process, before its first NATS server starts.
var setTimers = sync.OnceValue(func() error {
	if err := timersNow().check(); err != nil {
		return err
	}
	minElectionTimeout, maxElectionTimeout, hbInterval = ours.electionMin, ours.electionMax, ours.heartbeat
	lostQuorumInterval, lostQuorumCheck = ours.lostQuorum, ours.lostQuorumCheck
	return nil
})

// check returns ErrTimers unless t are the values that the server has.
func (t timers) check() error {
	if t != theirs {
		return fmt.Errorf("%w; they are %v instead of %v", ErrTimers, t, theirs)
	}
	return nil
}

func timersNow() timers {
	return timers{minElectionTimeout, maxElectionTimeout, hbInterval, lostQuorumInterval, lostQuorumCheck}
}
