package carriertest

import (
	"context"
	"testing"
	"time"

	"holdfast/engine"
)

// Carrier is a server that carries the sessions of a core.
type Carrier interface {
	// Run serves until ctx ends, and then drains.
	Run(ctx context.Context) error
	// Booted returns a channel that is closed when connections are accepted.
	Booted() <-chan struct{}
	// Addrs returns where it listens; they are final once Booted is closed.
	Addrs() []string
}

// Options configure a carrier for a test.
type Options struct {
	// Address to listen on, with the packet dialect; "" means a free port of
	// 127.0.0.1, and never reaches New.
	Address string
	// Drain is how long a stop waits; 0 means the carrier's default.
	Drain time.Duration
	// OnDrain is called during a stop, between the last request and the Notices.
	OnDrain func(context.Context) error
}

// New returns a carrier that does not run yet. If the address is in use, the error is an
// *engine.ListenError.
type New func(core *engine.Core, o Options) (Carrier, error)

// Run runs the suite. Each test is a subtest with its own carriers.
func Run(t *testing.T, start New) {
	t.Helper()
	for _, tt := range []struct {
		name string
		test func(*testing.T, New)
	}{
		{"each class answers", eachClassAnswers},
		{"replies keep the order of requests", repliesKeepTheOrder},
		{"replies queue behind a deferred one", repliesQueueBehindADeferredOne},
		{"deferred replies keep the order", deferredRepliesKeepTheOrder},
		{"detached replies hold nobody up", detachedRepliesHoldNobodyUp},
		{"notice queues behind a deferred reply", noticeQueuesBehindADeferredReply},
		{"frames in pieces", framesInPieces},
		{"any cut of the stream", anyCutOfTheStream},
		{"bad lengths", badLengths},
		{"truncated frame changes nothing", truncatedFrameChangesNothing},
		{"panic costs one session", panicCostsOneSession},
		{"connection limit", connectionLimit},
		{"sessions are found by id only while open", sessionsAreFoundOnlyWhileOpen},
		{"pushes reach in their order", pushesReachInTheirOrder},
		{"feed reaches all", feedReachesAll},
		{"feed ends where a session leaves", feedEndsWhereASessionLeaves},
		{"what is kept arrives", whatIsKeptArrives},
		{"slow consumer is cut", slowConsumerIsCut},
		{"close all tells why", closeAllSendsReason},
		{"peer that never closes is closed", peerThatNeverClosesIsClosed},
		{"drain answers what was read", drainAnswersWhatWasRead},
		{"drain ends in time", drainEndsInTime},
		{"port in use", portInUse},
		{"port is free right after a stop", portIsFreeRightAfterAStop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // they mostly wait for a server to stop
			tt.test(t, start)
		})
	}
}

// serve runs a carrier for one test.
func (n New) serve(t testing.TB, config engine.Config, o Options) *Server {
	t.Helper()
	core := NewCore(t, config)
	return Serve(t, core, n.carrier(t, core, o))
}

func (n New) carrier(t testing.TB, core *engine.Core, o Options) Carrier {
	t.Helper()
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	carrier, err := n(core, o)
	if err != nil {
		t.Fatal(err)
	}
	return carrier
}
