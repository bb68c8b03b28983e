package engine

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A wheel does what a list of all sessions and their ticks would do.
func TestWheelAgreesWithAList(t *testing.T) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	w, list := new(wheel), make(map[*Session]ticks)
	sessions := make([]*Session, 300)
	for i := range sessions {
		sessions[i] = new(Session)
	}
	now := ticks(1)
	set := func(s *Session) {
		at := now + 1 + ticks(random.IntN(3*wheelSlots))
		w.set(s, at)
		list[s] = at
	}
	remove := func(s *Session) {
		w.remove(s)
		delete(list, s)
	}
	looks := 0
	for range 5000 {
		switch s := sessions[random.IntN(len(sessions))]; random.IntN(4) {
		case 0, 1:
			set(s)
		case 2:
			remove(s)
		default:
			from := now
			now += ticks(random.IntN(2*wheelSlots) >> random.IntN(9))
			w.advance(from, now, func(s *Session) {
				looks++
				if at, ok := list[s]; !ok || at > now {
					t.Fatalf("seed %d: looked at in tick %d, set to %d, %v", seed, now, at, ok)
				}
				delete(list, s)
				switch other := sessions[random.IntN(len(sessions))]; random.IntN(4) {
				case 0:
					set(s)
				case 1:
					remove(other)
				case 2:
					set(other)
				}
			})
			for _, at := range list {
				if at <= now {
					t.Fatalf("seed %d: tick %d has come, that of %d was passed over", seed, now, at)
				}
			}
		}
	}
	if looks < 1000 {
		t.Errorf("%d looks only", looks)
	}
}

// After a pause of the entire process no client counts as idle.
func TestAClockThatStoodStillCutsNobody(t *testing.T) {
	g := &group{}
	start := time.Unix(1000, 0)
	g.startClock(&Limits{FrameTime: time.Hour, IdleTime: time.Hour, Heartbeat: time.Hour}, time.Second, start)
	for _, step := range []struct {
		after time.Duration
		now   ticks
	}{
		{999 * time.Millisecond, 1}, {2500 * time.Millisecond, 3}, {3 * time.Second, 4}, // the half is kept
		{time.Hour, 4 + maxStep}, {time.Hour + time.Second, 5 + maxStep}, {time.Minute, 5 + maxStep},
	} {
		if g.advance(start.Add(step.after)); g.now != step.now {
			t.Errorf("%v after the start it is tick %d, want %d", step.after, g.now, step.now)
		}
	}
}
