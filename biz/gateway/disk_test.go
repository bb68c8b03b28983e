package gateway_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/simulation"
	"holdfast/codec"
)

// TestWatermark: below the watermark orders and busts are refused and change nothing, and
// everything else goes on. Orders resume at 110 % of the watermark.
func TestWatermark(t *testing.T) {
	const watermark = 1000
	var free atomic.Int64
	var log lockedBuffer
	free.Store(watermark)
	s := start(t, setup{watermark: watermark, log: slog.New(slog.NewTextHandler(&log, nil)), free: func() (uint64, error) {
		if n := free.Load(); n >= 0 {
			return uint64(n), nil
		}
		return 0, errors.New("no such disk")
	}})
	tr, op := s.login(alice), s.login(operator)
	x := tr.buy(tin, 1)
	for _, step := range []struct {
		name  string
		free  int64 // below 0: not known
		taken bool
	}{
		{"at the mark", watermark, true}, {"below", watermark - 1, false}, {"none", 0, false}, {"not known", -1, false},
		{"at the mark again", watermark, false}, {"nearly a tenth more", watermark + 99, false}, {"a tenth more", watermark + 100, true},
		{"not known", -1, true}, {"below again", 1, false}, {"much", 1 << 40, true},
	} {
		free.Store(step.free)
		s.service.CheckDisk()
		before := s.service.StateHash()
		_, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1})
		_, bustErr := op.Bust(t.Context(), x.ID, "once")
		if ready := s.service.Accepting(); (ready == nil) != step.taken || ready != nil && !errors.Is(ready, desk.ErrDiskLow) {
			t.Errorf("%s: accepting %v", step.name, ready)
		}
		if step.taken {
			must(t, errors.Join(err, bustErr))
			continue
		}
		for _, err := range []error{err, bustErr} {
			if e := refused(t, err); e.Result != codec.ResultUnavailable || !strings.Contains(e.Message, "nearly full") {
				t.Errorf("%s: %s %s", step.name, e.Result, e.Message)
			}
		}
		if s.service.StateHash() != before {
			t.Errorf("%s: the accounts have changed", step.name)
		}
		tr.positions()
		tr.history(client.HistoryQuery{})
		s.login(alice)
		_, err = tr.Quotes(t.Context(), nil, true)
		must(t, err)
		s.service.MovePrice(tinID, 11_0000)
	}
	if low, again := strings.Count(log.String(), "disk nearly full"), strings.Count(log.String(), "space again"); low != 2 || again != 2 {
		t.Errorf("logged %d and %d times, want 2 and 2:\n%s", low, again, log.String())
	}
}

// TestWatermarkFromTheStart: a server that starts with little space serves reads,
// its simulation waits too, and it stops without a checkpoint.
func TestWatermarkFromTheStart(t *testing.T) {
	s := start(t, setup{})
	s.login(alice).buy(tin, 1)
	s.stop()
	s.setup.watermark, s.setup.free = 10, func() (uint64, error) { return 9, nil }
	s.setup.simulation = simulation.Config{Orders: 10_000, Random: 1}
	var log lockedBuffer
	s.setup.log = slog.New(slog.NewTextHandler(&log, nil))
	s = start(t, s.setup)
	if s.service.Accepting() == nil {
		t.Error("orders are taken")
	}
	before := s.service.StateHash()
	if now := s.login(alice).positions(); now.Sequence != executionPushes {
		t.Errorf("push %d, want one order", now.Sequence)
	}
	s.stop()
	if s.service.StateHash() != before {
		t.Error("the simulation has traded")
	}
	if !strings.Contains(log.String(), "no checkpoint saved") {
		t.Errorf("a checkpoint was saved at the stop: %s", log.String())
	}
}
