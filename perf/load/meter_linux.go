package load

import "time"

// meter holds the readings at the beginning of the window.
type meter struct {
	at          int64
	own, server usage
}

func (l *loop) startMeter() meter {
	m := meter{own: readOwnUsage()}
	if pid := l.options.ServerPID; pid > 0 {
		m.server, _ = readUsage(pid) // a server that has died has used nothing
	}
	m.at = l.clock()
	return m
}

// stop takes the readings at the end of the window into the report.
func (m meter) stop(l *loop, r *Report) {
	elapsed := time.Duration(l.clock() - m.at)
	r.Seconds = elapsed.Seconds()
	own := readOwnUsage().since(m.own).perRequest(elapsed, l.tally.requests)
	r.Own = OwnUse{Busy: own.busy, CPUPerRequest: own.total, UserPerRequest: own.user, SystemPerRequest: own.system}
	if r.Server != nil {
		m.stopServer(l, r.Server, elapsed)
	}
	r.judgeBound()
}

func (m meter) stopServer(l *loop, s *ServerUse, elapsed time.Duration) {
	now, err := readUsage(s.PID)
	// Behind the CPU time: to read the memory of a large process takes a while, in
	// which the server goes on working.
	s.After = readMemory(s.PID)
	s.IdleBytesPerConnection = (float64(s.Connected.RSS) - float64(s.Before.RSS)) / float64(l.options.Connections)
	if err != nil {
		return // the server has died: the errors of the run say so
	}
	used := now.since(m.server)
	if pushes := l.tally.pushCount(); pushes > 0 {
		s.CPUPerPush = used.cpu.Seconds() * 1e6 / float64(pushes)
	}
	share := used.perRequest(elapsed, l.tally.requests)
	s.Busy, s.CPUPerRequest, s.UserPerRequest, s.SystemPerRequest = share.busy, share.total, share.user, share.system
	s.VoluntarySwitches, s.InvoluntarySwitches = used.voluntary, used.involuntary
}

// since returns what was used after an earlier reading. Switches of threads that
// have ended in between are lost, so they may only be too few.
func (u usage) since(earlier usage) usage {
	return usage{
		cpu: u.cpu - earlier.cpu, user: u.user - earlier.user, system: u.system - earlier.system,
		voluntary:   u.voluntary - min(u.voluntary, earlier.voluntary),
		involuntary: u.involuntary - min(u.involuntary, earlier.involuntary),
	}
}

// share is a use in cores and in microseconds per request.
type share struct {
	busy, total, user, system float64
}

// perRequest shares the whole out to user and system as the coarser readings of
// these two say.
func (u usage) perRequest(elapsed time.Duration, requests uint64) (s share) {
	if elapsed > 0 {
		s.busy = u.cpu.Seconds() / elapsed.Seconds()
	}
	if requests > 0 {
		s.total = u.cpu.Seconds() * 1e6 / float64(requests)
	}
	if parts := u.user + u.system; parts > 0 {
		s.user = s.total * (u.user.Seconds() / parts.Seconds())
		s.system = s.total - s.user
	}
	return s
}
