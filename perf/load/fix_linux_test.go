package load_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/fix"
	"holdfast/perf/load"
)

// acceptor is one connection of a FIX server.
type acceptor struct {
	*peer
	t       *testing.T
	in, out int // numbers of the last messages
	comp    string
	m       fix.Message
}

// fixServer answers each message with what answer sends.
func fixServer(t *testing.T, answer func(a *acceptor)) (addr string) {
	t.Helper()
	return listenWith(t, func(p *peer) {
		a := &acceptor{peer: p, t: t}
		var b []byte
		chunk := make([]byte, 64<<10)
		for !p.gone {
			n, err := p.in.Read(chunk)
			if err != nil {
				return
			}
			b = append(b, chunk[:n]...)
			for {
				n, err := fix.Dialect{}.FrameLen(b, codec.DefaultMaxFrame)
				if n == 0 || n > len(b) {
					break
				}
				if err = errors.Join(err, a.m.Parse(b[:n])); err != nil {
					t.Errorf("%v: %q", err, b[:n])
					return
				}
				a.in++
				if a.get(fix.MsgSeqNum) != fmt.Sprint(a.in) || a.get(fix.TargetCompID) != "HOLDFAST" {
					t.Errorf("message %d: %q", a.in, b[:n])
				}
				answer(a)
				p.n++
				b = b[n:]
			}
			p.conn.Write(p.out)
			p.out = p.out[:0]
		}
	})
}

func (a *acceptor) get(tag int) string {
	v, _ := a.m.Get(tag)
	return string(v)
}

// send sends a message with fields such as "150=F".
func (a *acceptor) send(msgType string, fields ...string) {
	a.out++
	w := fix.Begin(a.peer.out, msgType)
	for _, f := range append([]string{fmt.Sprintf("34=%d", a.out), "49=HOLDFAST", "52=20260101-00:00:00.000", "56=" + a.comp}, fields...) {
		w.Raw([]byte(f + "\x01"))
	}
	a.peer.out = w.End()
}

// serveFIX answers as a good server does: with a second report that is for nobody's request.
func serveFIX(a *acceptor) {
	switch string(a.m.Type) {
	case fix.Logon:
		if a.comp = a.get(fix.SenderCompID); a.get(fix.Password) != "7431" && a.get(fix.Password) != "7432" || a.get(141) != "Y" {
			a.t.Errorf("logon of %s", a.comp)
		}
		a.send(fix.Logon, "98=0", "108=30", "141=Y")
	case fix.NewOrderSingle:
		if a.get(38) != "1" || a.get(40) != "1" || len(a.get(60)) != 21 || len(a.get(11)) != 24 {
			a.t.Errorf("order %v", a.m.Fields)
		}
		a.send(fix.ExecutionReport, "6=10", "11="+a.get(11), "17=1", "150=F")
		a.send(fix.ExecutionReport, "6=10", "11="+a.get(11), "17=2", "150=D")
	case "1":
		a.send("0", "112="+a.get(112))
	}
}

func TestFIX(t *testing.T) {
	for name, change := range map[string]func(o *load.Options){
		"orders":      func(*load.Options) {},
		"rate":        func(o *load.Options) { o.Rate = 2000 },
		"heartbeats":  func(o *load.Options) { o.Workload = load.Heartbeat },
		"idle":        func(o *load.Options) { o.Workload, o.KeepAlive = load.Idle, 20*time.Millisecond },
		"seldom sent": func(o *load.Options) { o.Rate, o.KeepAlive, o.Duration = 30, 10*time.Millisecond, 400*time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			var beats atomic.Int64
			o := ordersTo(short(fixServer(t, func(a *acceptor) {
				if string(a.m.Type) == "0" {
					beats.Add(1)
				}
				serveFIX(a)
			})))
			o.Dialect = load.DialectFIX
			change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.ErrorCount() != 0 || len(r.Results) != 0 || r.Requests == 0 || r.Latency.Count == 0 {
				t.Errorf("report %+v", r)
			}
			if (r.Pushes["Execution"] > 0) != (o.Workload == load.Orders) || (beats.Load() > 0) != (name == "seldom sent") {
				t.Errorf("pushes %v, heartbeats %d", r.Pushes, beats.Load())
			}
		})
	}
}

// Sessions of one account have different SenderSubIDs.
func TestFIXSessionsOfAnAccount(t *testing.T) {
	names := make(chan string, 4)
	o := ordersTo(short(fixServer(t, func(a *acceptor) {
		if string(a.m.Type) == fix.Logon {
			names <- a.get(fix.SenderCompID) + "/" + a.get(fix.SenderSubID)
		}
		serveFIX(a)
	})))
	o.Dialect, o.Connections = load.DialectFIX, 4
	if r, err := load.Run(t.Context(), o); err != nil || r.ErrorCount() != 0 {
		t.Fatalf("error %v, report %+v", err, r)
	}
	seen := make(map[string]bool)
	for range 4 {
		seen[<-names] = true
	}
	for _, want := range []string{"100001/", "100002/", "100001/1", "100002/1"} {
		if !seen[want] {
			t.Errorf("no session %s among %v", want, seen)
		}
	}
}

func TestFIXTestRequestIsAnswered(t *testing.T) {
	var answered atomic.Bool
	o := ordersTo(short(fixServer(t, func(a *acceptor) {
		if string(a.m.Type) == fix.Logon {
			serveFIX(a)
			a.send("1", "112=there?")
			return
		}
		if string(a.m.Type) == "0" {
			answered.Store(a.get(112) == "there?")
		}
		serveFIX(a)
	})))
	o.Dialect = load.DialectFIX
	if r, err := load.Run(t.Context(), o); err != nil || r.ErrorCount() != 0 || !answered.Load() {
		t.Errorf("error %v, answered %v, report %+v", err, answered.Load(), r)
	}
}

func TestFIXRefusalIsCounted(t *testing.T) {
	o := ordersTo(short(fixServer(t, func(a *acceptor) {
		if string(a.m.Type) == fix.NewOrderSingle {
			a.send(fix.ExecutionReport, "11="+a.get(11), "58=not a lot", "150=8")
			return
		}
		serveFIX(a)
	})))
	o.Dialect = load.DialectFIX
	r, err := load.Run(t.Context(), o)
	if err != nil || r.Results["REJECTED"] == 0 || len(r.Samples) != 1 || !strings.Contains(r.Samples[0], "not a lot") {
		t.Errorf("error %v, report %+v", err, r)
	}
}

func TestFIXFindsWrongReplies(t *testing.T) {
	cases := []struct {
		name   string
		answer func(a *acceptor)
		want   error
	}{
		{"number left out", func(a *acceptor) { a.out++; serveFIX(a) }, load.ErrPushGap},
		{"wrong order", func(a *acceptor) {
			id := []byte(a.get(11))
			id[23]++
			a.send(fix.ExecutionReport, "11="+string(id), "150=F")
		}, load.ErrWrongID},
		{"rejected", func(a *acceptor) { a.send("3", "45=2", "58=tag") }, load.ErrWrongCommand},
		{"logged out", func(a *acceptor) { a.send("5", "58=bye") }, load.ErrWrongCommand},
		{"body length", func(a *acceptor) { a.peer.out = append(a.peer.out, "8=FIX.4.4\x019=99999999\x01"...) }, load.ErrWrongLength},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := ordersTo(long(fixServer(t, func(a *acceptor) {
				if a.n < 3 {
					serveFIX(a)
					return
				}
				c.answer(a)
			})))
			o.Dialect = load.DialectFIX
			if r, err := load.Run(t.Context(), o); !errors.Is(err, c.want) || !errors.Is(err, load.ErrAllLost) {
				t.Errorf("error %v, report %+v, want %v", err, r, c.want)
			}
		})
	}
}

func TestFIXRefusedLogonSaysWhy(t *testing.T) {
	o := ordersTo(short(fixServer(t, func(a *acceptor) { a.send("5", "58=wrong password") })))
	o.Dialect = load.DialectFIX
	if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrLogin) || !strings.Contains(err.Error(), "wrong password") {
		t.Errorf("error %v", err)
	}
}
