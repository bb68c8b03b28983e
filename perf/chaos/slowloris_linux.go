package chaos

import (
	"context"
	"math"
	"strconv"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
	"holdfast/perf/process"
)

// slowlorisSize is the smallest size whose figures are judged.
const slowlorisSize = 10_000

func slowloris() Fault {
	return Fault{
		Name: "slowloris", ID: "C2", Short: "connections that send one byte a second",
		How:     "connections that send one byte a second: of a header, a login, a body, a second frame",
		Promise: "the server closes these connections at the deadlines, with a Notice; each takes a few KiB of memory",
		Long:    Size{Size: slowlorisSize}, Gate: Size{Size: 200},
		SizeHelp: "slow connections",
		Run:      runSlowloris,
	}
}

// The deadlines of the run, both absolute.
const (
	firstFrameTime = 5 * time.Second
	frameTime      = 10 * time.Second
)

// dribble is the output of one kind of slow client.
type dribble struct {
	name  string
	whole []byte // sent at once
	slow  []byte // sent byte by byte
	limit time.Duration
}

// secondFrame is the only dribble whose deadline counts from its first slow byte.
const secondFrame = "second frame"

func dribbles(scale time.Duration) []dribble {
	body := codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 2, Body: make([]byte, 4096)})
	hello := codec.AppendMessage(nil, codec.Message{Command: codec.CommandConn, ID: 1})
	return []dribble{
		{"header", nil, body[:codec.PacketHeaderLen-1], firstFrameTime / scale},
		{"login", nil, loginOf(0), firstFrameTime / scale},
		{"body", body[:codec.PacketHeaderLen], body[codec.PacketHeaderLen:], firstFrameTime / scale},
		{"silence", nil, nil, firstFrameTime / scale},
		{secondFrame, hello, body, frameTime / scale},
		{"second body", append(hello[:len(hello):len(hello)], body[:codec.PacketHeaderLen]...), body[codec.PacketHeaderLen:], frameTime / scale},
	}
}

func runSlowloris(ctx context.Context, r *Run) error {
	scale := time.Duration(1)
	if r.Size < slowlorisSize {
		scale = 5 // a small run takes a fifth of the time
	}
	args := []string{
		"--first-frame-time", (firstFrameTime / scale).String(), "--frame-time", (frameTime / scale).String(),
		"--max-connections", strconv.Itoa(r.Size + 1000),
	}
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{Args: args})))
	a := &lorisAttack{run: r, server: s, kinds: dribbles(scale), slow: make(map[int]time.Time), every: time.Second / scale}
	l := live{pairs: 1, Options: load.Options{Addr: s.Addr, Connections: 100, Rate: 5_000, Duration: frameTime/scale + 3*time.Second}}
	l.sideBySide(ctx, r, a.attack).figures(r, math.Inf(1))
	a.judge()
	return nil
}

// lorisAttack is one crowd of slow clients.
type lorisAttack struct {
	run    *Run
	server *Server
	kinds  []dribble
	every  time.Duration // between two bytes
	crowd  *crowd
	perOne float64           // server memory per connection, in bytes
	alive  int               // connections left at the end
	slow   map[int]time.Time // by member: its first slow byte
}

func (a *lorisAttack) kind(m *member) dribble { return a.kinds[m.number%len(a.kinds)] }

// attack connects all slow clients and dribbles until all are cut, at most for the window
// and some patience.
func (a *lorisAttack) attack(context.Context) {
	base := process.RSS(a.server.PID)
	a.crowd = newCrowd(a.server.Addr, 1)
	c := a.crowd
	defer c.close()
	c.onOpen = func(m *member) { c.send(m, a.kind(m).whole) }
	c.joinAll(a.run.Size)
	start := time.Now()
	for round := 0; c.living > 0 && time.Since(start) < frameTime+patience; round++ {
		next := start.Add(time.Duration(round) * a.every)
		c.until(time.Until(next), func() bool { return c.living == 0 })
		for _, m := range c.members {
			if slow := a.kind(m).slow; m.connected && !m.over && m.sent < len(slow) {
				if m.sent == 0 {
					a.slow[m.number] = time.Now()
				}
				c.send(m, slow[m.sent:m.sent+1])
				m.sent++
			}
		}
		if round == 2 {
			a.perOne = float64(int64(process.RSS(a.server.PID))-int64(base)) / float64(a.run.Size)
		}
	}
	a.alive = c.living
}

// judge checks when and how the slow clients were cut.
func (a *lorisAttack) judge() {
	r := a.run
	var earliest, latest time.Duration
	noticed := 0
	for _, m := range a.crowd.members {
		k := a.kind(m)
		if !m.connected {
			r.Broken("connection %d was not accepted: %v", m.number, m.err)
			continue
		}
		from := m.opened
		if at, ok := a.slow[m.number]; ok && k.name == secondFrame {
			from = at // no frame had started before
		}
		late := m.ended.Sub(from) - k.limit
		earliest, latest = min(earliest, late), max(latest, late)
		if m.notice == pb.NoticeCode_NOTICE_CODE_TIMEOUT {
			noticed++
		}
		switch {
		case late < -k.limit/4:
			r.Broken("%s: cut after %v, which is before the deadline of %v (notice %v, %v)", k.name, m.ended.Sub(m.opened), k.limit, m.notice, m.err)
		case r.Size >= slowlorisSize && late > 2*time.Second:
			r.Broken("%s: cut %v late", k.name, late)
		case m.notice != pb.NoticeCode_NOTICE_CODE_TIMEOUT:
			r.Broken("%s: notice %v, error %v", k.name, m.notice, m.err)
		}
	}
	if a.alive > 0 {
		r.Broken("%d of %d slow clients were never cut", a.alive, r.Size)
	}
	r.Figure("slow clients", len(a.crowd.members), "")
	r.Figure("clients closed with a Notice", noticed, "")
	r.Figure("earliest close before the deadline", -earliest, "")
	r.Figure("latest close after the deadline", latest, "")
	r.Figure("memory per client", a.perOne/1024, "KiB")
	if r.Size >= slowlorisSize && a.perOne > 16<<10 {
		r.Broken("each slow connection takes %.1f KiB", a.perOne/1024)
	}
}
