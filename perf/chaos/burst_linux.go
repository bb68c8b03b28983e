package chaos

import (
	"context"
	"fmt"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// burstSize is the size from which on the figures of the table count.
const burstSize = 1_000_000

func burst() Fault {
	return Fault{
		Name: "burst", ID: "C7", Short: "one session pipelines a million frames beside quiet ones",
		Promise: "every frame is answered, or the session is told why not; others wait 10 ms longer at most",
		Long:    Size{Rounds: 3, Size: burstSize}, Gate: Size{Rounds: 1, Size: 50_000},
		Run: runBurst,
	}
}

// pipelines are what one session sends: within what may be unanswered, and with
// no regard to it.
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
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{}))
	if err != nil {
		return err
	}
	for _, p := range pipelines() {
		p.cut = map[pb.NoticeCode]int{}
		l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 50, Rate: 1_000}}
		c, err := l.sideBySide(ctx, r, func(ctx context.Context) error { return p.run(ctx, s.Addr, r.Size) })
		if err != nil {
			return err
		}
		c.kept(r)
		r.Figure(p.name, p.answered, "answered")
		r.Figure(p.name+": others' p99 alone", microseconds(c.quiet.P99), "")
		r.Figure(p.name+": beside", microseconds(c.beside.P99), "")
		r.Figure(p.name+": added to p99.9", c.p999Added, "")
		r.Figure(p.name+": maximum alone", microseconds(c.quiet.Max), "")
		r.Figure(p.name+": maximum", c.maxBeside, "")
		p.judge(r)
		if added := c.maxBeside - microseconds(c.quiet.Max); r.Size >= burstSize && (added > 10*time.Millisecond || c.p999Added > 10*time.Millisecond) {
			r.Broken("%s: others waited up to %v longer", p.name, rounded(added))
		}
	}
	return nil
}

// run pipelines frames on one session until total were sent or ctx ends; one that
// is cut begins again with a new session.
func (p *pipeline) run(ctx context.Context, addr string, total int) error {
	c, err := newCrowd(addr, 6)
	if err != nil {
		return err
	}
	defer c.close()
	chunk := make([]byte, 0, 256*len(p.frame))
	for range 256 {
		chunk = append(chunk, p.frame...)
	}
	c.onOpen = func(m *member) {
		m.sent, m.answers = 0, 0
		if p.login {
			c.send(m, loginOf(0))
			m.answers-- // its reply is none of the counted
		}
	}
	c.onEnd = func(m *member) { p.ended(ctx, m) }
	m, err := c.join(false)
	if err != nil {
		return err
	}
	for goal := p.sent + total; ctx.Err() == nil && p.sent < goal; {
		room := m.connected && len(m.pending) < 1<<20
		if room && (p.window == 0 || m.sent-max(m.answers, 0)+256 <= p.window) {
			c.send(m, chunk)
			m.sent += 256
			p.sent += 256
			c.turn(0)
			continue
		}
		if m.over {
			if err := c.again(m); err != nil {
				return err
			}
		}
		c.turn(time.Millisecond)
	}
	return p.finish(ctx, c, m)
}

// finish waits for the answers that are open, if the session still lives.
func (p *pipeline) finish(ctx context.Context, c *crowd, m *member) error {
	answered := func() bool { return m.over || m.connected && m.answers >= m.sent }
	if !c.until(patience, answered) {
		return fmt.Errorf("%w: %s: %d of %d frames answered, the session is open", ErrTooLittle, p.name, m.answers, m.sent)
	}
	if !m.over {
		p.answered += m.answers
	}
	return ctx.Err()
}

// ended counts a session that the server has cut.
func (p *pipeline) ended(ctx context.Context, m *member) {
	if !m.connected || m.answers >= m.sent {
		return // left with everything answered
	}
	p.answered += max(m.answers, 0)
	if m.notice == pb.NoticeCode_NOTICE_CODE_UNSPECIFIED && ctx.Err() == nil {
		p.unexplained++
	}
	p.cut[m.notice]++
}

// judge says whether the session was treated as promised.
func (p *pipeline) judge(r *Run) {
	for code, n := range p.cut {
		if p.window > 0 {
			r.Broken("%s: cut %d times although within its limits: %v", p.name, n, code)
			continue
		}
		r.Figure(fmt.Sprintf("%s: cut as %v", p.name, code), n, "times")
	}
	if p.unexplained > 0 {
		r.Figure(p.name+": cut without a notice", p.unexplained, "times")
	}
	if p.answered == 0 && len(p.cut) == 0 {
		r.Broken("%s: nothing was answered, and nothing said", p.name)
	}
}
