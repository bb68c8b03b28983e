package load

import "fmt"

// behind returns the living sessions that have not got a push that another
// session of their account has. There are none but with Push, where sessions
// share accounts and nothing else tells that a push is missing at the end.
func (l *loop) behind() (late []*conn) {
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

// blameBehind counts the sessions that never got all their pushes.
func (l *loop) blameBehind() {
	for _, c := range l.behind() {
		l.tally.fault(c.number, fmt.Errorf("%w: customer %d: number %d was the last one, another session got more",
			ErrPushGap, l.protocol.accountOf(c).Customer, c.lastPush))
	}
}
