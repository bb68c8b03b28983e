package gateway_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
)

// fullLog is a desk.CommitLog without a disk that accepts nothing while it is full.
type fullLog struct {
	newOutbound func() desk.Outbound
	full        atomic.Bool
	refused     atomic.Int64
}

func (l *fullLog) Append(t *desk.Turn) {
	out := l.newOutbound()
	t.Out.MoveTo(out)
	out.Post()
}

func (l *fullLog) Accepts() bool {
	full := l.full.Load()
	if full {
		l.refused.Add(1)
	}
	return !full
}

func (l *fullLog) Durable(context.Context) error { return nil }
func (l *fullLog) Failed() error                 { return nil }
func (l *fullLog) Stats() journal.Stats          { return journal.Stats{} }
func (l *fullLog) Close(context.Context) error   { return nil }

// TestFIXMissed: what an overload has dropped is asked for, also if it was the last message of a client
// without heartbeats, and a ResendRequest is answered.
func TestFIXMissed(t *testing.T) {
	log := &fullLog{}
	with := worldOf(t, nil)
	with.turnLog = func(_ *history.Store, o desk.CommitLogOptions) desk.CommitLog {
		log.newOutbound = o.NewOutbound
		return log
	}
	s := startFIX(t, with)
	c := &fixClient{t: t, name: "alice", customer: alice, out: 1}
	c.connect(s)
	c.logon()
	expect := func(parts ...string) {
		t.Helper()
		m, err := c.read()
		must(t, err)
		line := strings.ReplaceAll(string(m.Body), "\x01", "|")
		for _, part := range parts {
			if !strings.Contains(line, part) {
				t.Fatalf("%s, want %s", line, part)
			}
		}
	}
	expect("|35=A|", "|108=0|")
	dropped := func(msgType string, fields ...string) {
		t.Helper()
		before := log.refused.Load()
		log.full.Store(true)
		c.send(msgType, fields...)
		eventually(t, "the overload", func() bool { return log.refused.Load() > before })
		log.full.Store(false)
	}
	dropped("D", "11=a", "55=600100", "54=1", "38=10", "40=1")
	expect("|35=2|", "|34=2|", "|7=2|16=0|")
	c.send("D", "34=2", "43=Y", "122="+c.time(), "11=a", "55=600100", "54=1", "38=10", "40=1")
	expect("|35=8|", "|34=3|", "|11=a|", "|150=F|")
	dropped("2", "7=3", "16=3")
	expect("|35=8|", "|34=3|", "|43=Y|", "|11=a|")
	c.send("1", "112=x")
	expect("|35=0|", "|34=4|", "|112=x|")
}
