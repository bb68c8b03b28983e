package chaos

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// burstSize is the smallest size whose figures are judged.
const burstSize = 1_000_000

func burst() Fault {
	return Fault{
		Name: "burst", ID: "C7", Short: "one session pipelines a million frames beside quiet ones",
		Promise: "every frame is answered, or a Notice says why not; other clients wait at most 10 ms longer",
		Long:    Size{Rounds: 3, Size: burstSize}, Gate: Size{Rounds: 1, Size: 50_000},
		RoundsHelp: "windows without the fault, and as many with it",
		SizeHelp:   "frames that the session sends in each window",
		Run:        runBurst,
	}
}

// pipelines returns what one session sends: polite ones keep to the limit of unanswered
// requests, rude ones do not.
func pipelines() []pipeline {
	return []pipeline{
		{name: "polite submits", frame: repeat(codec.CommandSubmit, 1), window: 4000},
		{name: "polite lists", frame: repeat(codec.CommandPositions, 1), window: 1000, login: true},
		{name: "rude submits", frame: repeat(codec.CommandSubmit, 1)},
		{name: "rude lists", frame: repeat(codec.CommandPositions, 1), login: true},
	}
}

type pipeline struct {
	name   string
	frame  []byte
	window int // frames that may be unanswered; 0: all of them
	login  bool

	sent, answered int
	cut            map[pb.NoticeCode]int
	unexplained    int
}

func runBurst(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{})))
	for _, p := range pipelines() {
		p.cut = map[pb.NoticeCode]int{}
		l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 50, Rate: 1_000}}
		c := l.sideBySide(ctx, r, func(ctx context.Context) { p.run(ctx, s.Addr, r.Size) })
		r.Figure(p.name+": frames answered", p.answered, "")
		r.Figure(p.name+": others' p99 without it", microseconds(c.quiet.P99), "")
		r.Figure(p.name+": others' p99 beside it", microseconds(c.beside.P99), "")
		r.Figure(p.name+": added to others' p99.9", c.p999Added, "")
		r.Figure(p.name+": others' maximum without it", microseconds(c.quiet.Max), "")
		r.Figure(p.name+": others' maximum beside it", c.maxBeside, "")
		p.judge(r)
		if added := c.maxBeside - microseconds(c.quiet.Max); r.Size >= burstSize && (added > 10*time.Millisecond || c.p999Added > 10*time.Millisecond) {
			r.Broken("%s: others waited up to %v longer", p.name, rounded(added))
		}
	}
	return nil
}

// run pipelines frames on one session until total frames were sent or ctx ends. After a
// cut it continues with a new session.
func (p *pipeline) run(ctx context.Context, addr string, total int) {
	c := newCrowd(addr, 6)
	defer c.close()
	chunk := bytes.Repeat(p.frame, 256)
	c.onOpen = func(m *member) {
		m.sent, m.answers = 0, 0
		if p.login {
			c.send(m, loginOf(0))
			m.answers-- // its reply is not counted
		}
	}
	c.onEnd = func(m *member) { p.ended(ctx, m) }
	m := c.join(false)
	for goal := p.sent + total; ctx.Err() == nil && p.sent < goal; {
		space := m.connected && len(m.pending) < 1<<20
		if space && (p.window == 0 || m.sent-max(m.answers, 0)+256 <= p.window) {
			c.send(m, chunk)
			m.sent += 256
			p.sent += 256
			c.poll(0)
			continue
		}
		if m.over {
			c.reconnect(m)
		}
		c.poll(time.Millisecond)
	}
	p.finish(ctx, c, m)
}

// finish waits for the open answers, if the session is still connected.
func (p *pipeline) finish(ctx context.Context, c *crowd, m *member) {
	answered := func() bool { return m.over || m.connected && m.answers >= m.sent }
	if !c.until(patience, answered) {
		check(fmt.Errorf("%w: %s: %d of %d frames answered, and the session was not closed", ErrTooLittle, p.name, m.answers, m.sent))
	}
	if !m.over {
		p.answered += m.answers
	}
	check(ctx.Err())
}

// ended counts a session that the server has cut.
func (p *pipeline) ended(ctx context.Context, m *member) {
	if !m.connected || m.answers >= m.sent {
		return // we left, with everything answered
	}
	p.answered += max(m.answers, 0)
	if m.notice == pb.NoticeCode_NOTICE_CODE_UNSPECIFIED && ctx.Err() == nil {
		p.unexplained++
	}
	p.cut[m.notice]++
}

// judge compares the treatment of the session with the promise.
func (p *pipeline) judge(r *Run) {
	for code, n := range p.cut {
		if p.window > 0 {
			r.Broken("%s: cut %d times although within its limits: %v", p.name, n, code)
			continue
		}
		r.Figure(fmt.Sprintf("%s: sessions closed with %v", p.name, code), n, "")
	}
	if p.unexplained > 0 {
		r.Figure(p.name+": sessions closed without a Notice", p.unexplained, "")
	}
	if p.answered == 0 && len(p.cut) == 0 {
		r.Broken("%s: no answer and no Notice", p.name)
	}
}
