package load_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// refusing refuses the first connections of a good server: each second one with a Notice,
// the others at their login.
func refusing(refusals int64, code pb.NoticeCode, result codec.Result) (b behaviour, refused *atomic.Int64) {
	refused = new(atomic.Int64)
	return func(p *peer, m codec.Message) {
		switch {
		case p.n > 0 || int64(p.born) >= refusals:
			answer(p, m)
			return
		case p.born%2 == 0:
			p.out = codec.AppendRequest(p.out, codec.PushNotice, 0, &pb.Notice{Code: code, Text: "full"})
			p.gone = true
		default:
			p.out = codec.Packet{}.AppendReply(p.out, m.Command, m.ID, result, &pb.Error{Message: "busy"})
		}
		refused.Add(1)
	}, refused
}

// A server that is busy while the connections open is tried again.
func TestBusyServerIsTriedAgain(t *testing.T) {
	for _, code := range []pb.NoticeCode{pb.NoticeCode_NOTICE_CODE_OVERLOADED, pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS} {
		t.Run(code.String(), func(t *testing.T) {
			b, refused := refusing(4, code, codec.ResultOverloaded)
			r, err := load.Run(t.Context(), ordersTo(short(fakeServer(t, b))))
			if err != nil || refused.Load() != 4 || len(r.Errors) > 0 {
				t.Errorf("%v, %d refusals, errors %v", err, refused.Load(), r.Errors)
			}
		})
	}
}

// One that stays busy ends the run when the time to connect is over.
func TestBusyServerEndsTheRun(t *testing.T) {
	b, refused := refusing(1e6, pb.NoticeCode_NOTICE_CODE_OVERLOADED, codec.ResultOverloaded)
	o := ordersTo(long(fakeServer(t, b)))
	o.Connections, o.ConnectTimeout = 2, 500*time.Millisecond
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrConnectTimeout) || !errors.Is(err, load.ErrBusy) || refused.Load() < 2 {
		t.Errorf("%v after %d refusals", err, refused.Load())
	}
}

// A wrong token is not tried again.
func TestRefusedLoginEndsTheRun(t *testing.T) {
	b, refused := refusing(1e6, pb.NoticeCode_NOTICE_CODE_OVERLOADED, codec.ResultUnauthenticated)
	o := ordersTo(long(fakeServer(t, b)))
	o.Connections = 1
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrLogin) || errors.Is(err, load.ErrBusy) {
		t.Errorf("%v after %d refusals", err, refused.Load())
	}
}
