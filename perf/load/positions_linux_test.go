package load_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

func positionsTo(o load.Options) load.Options {
	o = ordersTo(o)
	o.Workload, o.Instruments = load.Positions, nil
	return o
}

func TestPositionsAreChecked(t *testing.T) {
	reply := func(r *pb.PositionsReply) behaviour {
		return func(p *peer, m codec.Message) {
			p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, r)
		}
	}
	missing := positionsOf(100001)
	missing.Positions = missing.Positions[:1]
	cases := []struct {
		name string
		b    behaviour
		says string
	}{
		{"no body", func(p *peer, m codec.Message) {
			p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, nil)
		}, "without a body"},
		{"another customer's", reply(positionsOf(100002)), "of customer 100002"},
		{"a row is missing", reply(missing), "got 1 positions"},
		{"unreadable", func(p *peer, m codec.Message) {
			p.out = append(codec.AppendHeader(p.out, m.Command.Reply(), m.ID, 2), 0, 0xff)
		}, "malformed positions"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := load.Run(t.Context(), positionsTo(long(fakeServer(t, from(1, c.b)))))
			if !errors.Is(err, load.ErrWrongBody) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want ErrWrongBody with %q", err, c.says)
			}
			if r.Errors["wrong body"] != 1 {
				t.Errorf("errors %v", r.Errors)
			}
		})
	}
}

// A wrong list later is found too, though not at once.
func TestPositionsAreCheckedAgain(t *testing.T) {
	o := positionsTo(long(fakeServer(t, from(10, func(p *peer, m codec.Message) {
		p.customer = 7
		answer(p, m)
	}))))
	if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrWrongBody) {
		t.Errorf("error %v, want ErrWrongBody", err)
	}
}

func TestPositionsOfNobody(t *testing.T) {
	o := positionsTo(short(fakeServer(t, func(p *peer, m codec.Message) {
		p.login(m)
		p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{Customer: 100001}})
	})))
	o.Accounts = o.Accounts[:1]
	o.Connections = 1
	r, err := load.Run(t.Context(), o)
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "no customer has a position") {
		t.Errorf("error %v, notes %q", err, r.Notes)
	}
}
