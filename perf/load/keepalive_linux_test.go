package load_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// Connections that send nothing send heartbeats; those that send do not, and no
// heartbeat counts as a request.
func TestSilentConnectionsSendHeartbeats(t *testing.T) {
	rare := load.Interval{Min: time.Hour, Max: time.Hour}
	cases := []struct {
		name   string
		change func(*load.Options)
		beats  bool
	}{
		{"they get pushes only", func(o *load.Options) {
			*o = ordersTo(*o)
			o.Workload = load.Push
			o.SessionsPerAccount, o.Interval = 3, rare
		}, true},
		{"they wait for quotes", func(o *load.Options) {
			*o = ordersTo(*o)
			o.Workload = load.Broadcast
		}, true},
		{"they think", func(o *load.Options) { o.Interval = rare }, true},
		{"their turn is rare", func(o *load.Options) { o.Rate = 3 }, true},
		{"they send", func(o *load.Options) { o.KeepAlive = 150 * time.Millisecond }, false}, // longer than a busy machine stalls
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var beats atomic.Int64
			o := short(fakeServer(t, func(p *peer, m codec.Message) {
				if m.Command == codec.CommandHeartbeat {
					beats.Add(1)
				}
				answer(p, m)
				p.out = codec.AppendHeader(p.out, codec.PushHeartbeat, 0, 0)
			}))
			o.Duration = 400 * time.Millisecond // the loop wakes up every 100 ms
			o.KeepAlive = 10 * time.Millisecond
			c.change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := beats.Load() > 0; got != c.beats {
				t.Errorf("%d heartbeats", beats.Load())
			}
			if len(r.Errors) > 0 || len(r.Results) > 0 {
				t.Errorf("errors %v, results %v", r.Errors, r.Results)
			}
		})
	}
}

func TestTooManyFromOneAddressIsExplained(t *testing.T) {
	o := long(fakeServer(t, func(p *peer, m codec.Message) {
		if p.born < 2 {
			answer(p, m)
			return
		}
		p.out = codec.AppendRequest(p.out, codec.PushNotice, 0, &pb.Notice{
			Code: pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS, Text: "no more",
		})
		p.gone = true
	}))
	o.Connections = 3
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrCrowded) {
		t.Error(err)
	}
	for _, way := range []string{"limits.connections_per_address", "--connections-per-address", "limits.exempt_loopback"} {
		if !strings.Contains(load.Explain(err), way) {
			t.Errorf("%q is missing: %s", way, load.Explain(err))
		}
	}
}

// More connections than servers accept from one address come from several addresses.
func TestManyConnectionsComeFromSeveralAddresses(t *testing.T) {
	o := short(fakeServer(t, answer))
	o.Connections = 2001
	r, err := load.Run(t.Context(), o)
	if err != nil || r.Sources != 3 {
		t.Errorf("%d addresses for %d connections, %v", r.Sources, o.Connections, err)
	}
}
