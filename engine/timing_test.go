package engine_test

import (
	"testing"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// samplesOf returns how many requests of a command were measured.
func samplesOf(core *engine.Core, cmd codec.Command) (n uint64) {
	d := core.Timings().Requests[cmd]
	for _, count := range d.Counts {
		n += count
	}
	return n
}

// TestRequestsAreTimed: requests that come one at a time are all measured, wherever they are
// executed.
func TestRequestsAreTimed(t *testing.T) {
	core := newCore(t, engine.Config{Router: carriertest.Router(ok)})
	s := serve(t, core, engine.ReactorConfig{Loops: 1, Tick: tick})
	p := dial(t, s.Addr)
	for _, cmd := range []codec.Command{onLane, onLoop, offLane} {
		for range 3 {
			p.Echoes(cmd)
		}
		eventually(t, "three samples of each command", func() bool { return samplesOf(core, cmd) == 3 })
	}
	eventually(t, "the lag of the loop is measured", func() bool { return core.Timings().LoopLag.Counts != [20]uint64{} })
}

// TestTimeEndsWithTheWrite: a reply that comes later, or waits for an earlier one, counts when it
// is written.
func TestTimeEndsWithTheWrite(t *testing.T) {
	var deferred carriertest.Deferred
	const third codec.Command = 0x30
	r := carriertest.Router(deferred.Defer)
	r.Handle(third, engine.OnLane, carriertest.Echo)
	core := newCore(t, engine.Config{Router: r})
	s := serve(t, core, engine.ReactorConfig{Loops: 1, Tick: tick})
	p, other := dial(t, s.Addr), dial(t, s.Addr)
	p.Send(special, 1, "")
	eventually(t, "the request waits", func() bool { return deferred.Len() == 1 })
	p.Send(onLane, 2, "")
	eventually(t, "both are received", func() bool { return core.Traffic().Requests == 2 })
	eventually(t, "a later one is measured", func() bool { // not one that shares a batch with the second
		other.Echoes(third)
		return samplesOf(core, third) > 0
	})
	if first, second := samplesOf(core, special), samplesOf(core, onLane); first != 0 || second != 0 {
		t.Errorf("%d and %d are measured before the first reply, want none", first, second)
	}
	deferred.Answer(core)
	p.ExpectCommand(special.Reply())
	p.ExpectCommand(onLane.Reply())
	eventually(t, "all are measured", func() bool { return samplesOf(core, special) == 1 && samplesOf(core, onLane) == 1 })
}
