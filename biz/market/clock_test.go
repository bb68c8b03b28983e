package market_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

func newClock(t testing.TB, mode market.ClockMode, start, speed int64) *market.Clock {
	t.Helper()
	c, err := market.NewClock(mode, start, speed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClockTarget(t *testing.T) {
	for _, tt := range []struct {
		name          string
		mode          market.ClockMode
		start, speed  int64
		elapsed, want int64
		reached       int64
	}{
		{"wall", market.WallClock, 500, 1, 7, 507, 0},
		{"virtual, real speed", market.VirtualClock, 500, 1, 7, 507, 0},
		{"virtual, sixty times", market.VirtualClock, 500, 60, 7, 920, 0},
		{"exactly reached", market.VirtualClock, 500, 100, 10, 1500, 0},
		{"elapsed falls", market.VirtualClock, 500, 60, -7, 500, 0},
		{"never backwards", market.VirtualClock, 500, 60, 7, 1000, 1000},
		{"before 1970", market.VirtualClock, -500, 10, 7, -430, -500},
		{"saturates", market.VirtualClock, 500, 1000, math.MaxInt64 / 999, market.Latest, 0},
		{"saturates far", market.VirtualClock, 500, 1000, 18_446_744_073_709_552, market.Latest, 0},
		{"stepped", market.SteppedClock, 500, 1, 7, 500, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock(t, tt.mode, tt.start, tt.speed)
			if c.Now() != tt.start || c.Mode() != tt.mode || c.Speed() != tt.speed {
				t.Errorf("starts at %d", c.Now())
			}
			if tt.reached != 0 {
				c.Reach(tt.reached)
			}
			if have := c.Target(tt.elapsed); have != tt.want {
				t.Errorf("target %d, want %d", have, tt.want)
			}
		})
	}
}

func TestSteppedClock(t *testing.T) {
	c := newClock(t, market.SteppedClock, 1000, 1)
	for _, tt := range []struct{ by, want int64 }{{5, 1005}, {0, 1005}, {-7, 1005}, {math.MaxInt64, market.Latest}} {
		if target, err := c.Step(tt.by); err != nil || target != tt.want || c.Target(99) != tt.want || c.Now() != 1000 {
			t.Errorf("step of %d: target %d, %v, now %d", tt.by, target, err, c.Now())
		}
	}
	c.Reach(1003)
	c.Reach(1002)
	if c.Now() != 1003 {
		t.Errorf("now %d", c.Now())
	}
	for _, mode := range []market.ClockMode{market.WallClock, market.VirtualClock} {
		if _, err := newClock(t, mode, 0, 1).Step(1); !errors.Is(err, ledger.ErrNotStepped) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestClockFromManyGoroutines(t *testing.T) {
	c := newClock(t, market.SteppedClock, 0, 1)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range int64(1000) {
				if target, err := c.Step(1); err != nil || target <= n {
					t.Errorf("target %d, %v", target, err)
				}
				before := c.Now()
				c.Reach(n)
				if now := c.Now(); now < n || now < before {
					t.Errorf("now %d after %d and %d", now, n, before)
				}
			}
		})
	}
	all.Wait()
	if c.Target(0) != 4000 || c.Now() != 999 {
		t.Errorf("target %d, now %d", c.Target(0), c.Now())
	}
}

func TestBadClocks(t *testing.T) {
	for _, tt := range []struct {
		mode  market.ClockMode
		speed int64
		says  string
	}{
		{3, 1, "mode 3 does not exist"},
		{market.VirtualClock, 0, "speed 0: want 1 to 1000"},
		{market.VirtualClock, 1001, "speed 1001: want 1 to 1000"},
		{market.WallClock, 2, "speed 2: only a virtual clock has a speed"},
		{market.SteppedClock, 2, "speed 2: only a virtual clock has a speed"},
	} {
		if _, err := market.NewClock(tt.mode, 0, tt.speed); !errors.Is(err, market.ErrBadClock) || !strings.HasSuffix(err.Error(), tt.says) {
			t.Errorf("%v, want %s", err, tt.says)
		}
	}
	for _, mode := range []market.ClockMode{market.WallClock, market.VirtualClock, market.SteppedClock} {
		if have, err := market.ParseClockMode(mode.String()); err != nil || have != mode {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if _, err := market.ParseClockMode("steped"); !errors.Is(err, market.ErrBadClock) || !strings.HasSuffix(err.Error(), `want wall, virtual or stepped, got "steped" (did you mean "stepped"?)`) {
		t.Error(err)
	}
	if text := market.ClockMode(9).String(); text != "ClockMode(9)" {
		t.Error(text)
	}
}

// TestClockAdvance: every clock goes on from a time to which it was advanced, and never back.
func TestClockAdvance(t *testing.T) {
	for _, tc := range []struct {
		mode       market.ClockMode
		speed, end int64 // after another 7
	}{{market.WallClock, 1, 107}, {market.VirtualClock, 3, 121}, {market.SteppedClock, 1, 100}} {
		t.Run(tc.mode.String(), func(t *testing.T) {
			c, err := market.NewClock(tc.mode, 10, tc.speed)
			if err != nil {
				t.Fatal(err)
			}
			c.Advance(100)
			c.Advance(50)
			if got := c.Target(4); got != 100 || c.Now() != 10 {
				t.Errorf("advanced to %d, at %d", got, c.Now())
			}
			c.Reach(100)
			c.Advance(90)
			if got := c.Target(11); got != tc.end {
				t.Errorf("after that %d, want %d", got, tc.end)
			}
			c.Advance(market.Latest + 1)
			if got := c.Target(12); got != market.Latest {
				t.Errorf("the end is %d", got)
			}
		})
	}
}
