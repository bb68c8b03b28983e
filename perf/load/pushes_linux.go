package load

import (
	"fmt"
	"slices"
)

// awaiting reports whether open connections lack a push that others have received.
func (l *loop) awaiting() bool {
	switch {
	case l.protocol.chat != nil:
		return l.protocol.chat.unheardCount() > 0 || slices.ContainsFunc(l.conns, func(c conn) bool { return c.state == ready && !l.protocol.chat.complete(&c) })
	case l.protocol.quotes != nil:
		return !l.protocol.quotes.complete()
	default:
		return len(l.lagging()) > 0
	}
}

// lagging returns the open sessions that lack a push that another session of their
// account received. Only with Push do sessions share accounts; otherwise nothing shows
// that the last push is missing.
func (l *loop) lagging() (late []*conn) {
	if l.options.Workload != Push {
		return nil
	}
	last := make([]uint64, len(l.options.Accounts))
	for i := range l.conns {
		c := &l.conns[i]
		account := l.protocol.accountIndex(c)
		last[account] = max(last[account], c.lastPush)
	}
	for i := range l.conns {
		if c := &l.conns[i]; c.state == ready && c.lastPush < last[l.protocol.accountIndex(c)] {
			late = append(late, c)
		}
	}
	return late
}

// countLagging counts the sessions that never got all their pushes.
func (l *loop) countLagging() {
	for _, c := range l.lagging() {
		l.tally.fault(c.number, fmt.Errorf("%w: customer %d: number %d was the last push, another session got more",
			ErrPushGap, l.protocol.accountOf(c).Customer, c.lastPush))
	}
}
