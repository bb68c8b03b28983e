package chaos

import (
	"context"
	"strconv"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// slowlorisSize is the size from which on the figures of the table count.
const slowlorisSize = 10_000

func slowloris() Fault {
	return Fault{
		Name: "slowloris", ID: "C2", Short: "connections that send one byte a second",
		How:     "connections that send one byte a second: of a header, a login, a body, a second frame",
		Promise: "cut at the deadlines with a notice, a few KiB of memory for each",
		Long:    Size{Size: slowlorisSize}, Gate: Size{Size: 200},
		Run: runSlowloris,
	}
}

// The deadlines of the run, both absolute.
const (
	firstFrameTime = 5 * time.Second
	frameTime      = 10 * time.Second
)

// dribble is what one kind of slow client sends.
type dribble struct {
	name  string
	whole []byte // sent at once
	slow  []byte // sent byte by byte
	limit time.Duration
}

// secondFrame is the only one whose time begins with its first slow byte.
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
		scale = 5 // the same in a fifth of the time
	}
	args := []string{
		"--first-frame-time", (firstFrameTime / scale).String(), "--frame-time", (frameTime / scale).String(),
		"--max-connections", strconv.Itoa(r.Size + 1000),
	}
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{Args: args}))
	if err != nil {
		return err
	}
	a := &lorisAttack{run: r, server: s, kinds: dribbles(scale), begun: make(map[int]time.Time), every: time.Second / scale}
	l := live{pairs: 1, Options: load.Options{Addr: s.Addr, Connections: 100, Rate: 5_000, Duration: frameTime/scale + 3*time.Second}}
	c, err := l.sideBySide(ctx, r, a.attack)
	if err != nil {
		return err
	}
	c.figures(r)
	c.kept(r)
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
	perOne float64           // bytes of the server's memory for each connection
	alive  int               // when the time was over
	begun  map[int]time.Time // by member: its first slow byte
}

func (a *lorisAttack) kind(m *member) dribble { return a.kinds[m.number%len(a.kinds)] }

// attack connects everybody and dribbles until all are cut, the window and some
// patience at most.
func (a *lorisAttack) attack(context.Context) (err error) {
	base := a.server.RSS()
	if a.crowd, err = newCrowd(a.server.Addr, 1); err != nil {
		return err
	}
	c := a.crowd
	defer c.close()
	c.onOpen = func(m *member) { c.send(m, a.kind(m).whole) }
	for range a.run.Size {
		if _, err := c.join(false); err != nil {
			return err
		}
		if len(c.members)%200 == 0 {
			c.turn(0)
		}
	}
	begin := time.Now()
	for round := 0; c.living > 0 && time.Since(begin) < frameTime+patience; round++ {
		end := begin.Add(time.Duration(round) * a.every)
		c.until(time.Until(end), func() bool { return c.living == 0 })
		for _, m := range c.members {
			if slow := a.kind(m).slow; m.connected && !m.over && m.sent < len(slow) {
				if m.sent == 0 {
					a.begun[m.number] = time.Now()
				}
				c.send(m, slow[m.sent:m.sent+1])
				m.sent++
			}
		}
		if round == 2 {
			a.perOne = float64(int64(a.server.RSS())-int64(base)) / float64(a.run.Size)
		}
	}
	a.alive = c.living
	return nil
}

// judge compares when and how the slow clients were cut.
func (a *lorisAttack) judge() {
	r := a.run
	var earliest, latest time.Duration
	noticed := 0
	for _, m := range a.crowd.members {
		k := a.kind(m)
		if !m.connected {
			r.Broken("connection %d was not taken: %v", m.number, m.err)
			continue
		}
		from := m.opened
		if at, ok := a.begun[m.number]; ok && k.name == secondFrame {
			from = at // it had no frame begun before
		}
		late := m.ended.Sub(from) - k.limit
		earliest, latest = min(earliest, late), max(latest, late)
		if m.notice == pb.NoticeCode_NOTICE_CODE_TIMEOUT {
			noticed++
		}
		switch {
		case late < -k.limit/4:
			r.Broken("%s: cut after %v, %v was allowed (notice %v, %v)", k.name, m.ended.Sub(m.opened), k.limit, m.notice, m.err)
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
	r.Figure("told why", noticed, "")
	r.Figure("cut at most", -earliest, "early")
	r.Figure("and", latest, "late")
	r.Figure("memory for each", a.perOne/1024, "KiB")
	if r.Size >= slowlorisSize && a.perOne > 16<<10 {
		r.Broken("each slow connection takes %.1f KiB", a.perOne/1024)
	}
}
