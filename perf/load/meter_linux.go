package load

import (
	"time"

	"holdfast/perf/process"
)

// meter holds the readings at the start of the window.
type meter struct {
	at          int64
	own, server process.Usage
}

func (l *loop) startMeter() meter {
	var m meter
	if pid := l.options.ServerPID; pid > 0 {
		m.server, _ = process.ReadUsage(pid) // zero if the server has ended
	}
	m.own, m.at = process.ReadThreadUsage(), l.clock()
	return m
}

// stop adds the readings at the end of the window to the report.
func (m meter) stop(l *loop, r *Report) {
	elapsed := time.Duration(l.clock() - m.at)
	r.Seconds = elapsed.Seconds()
	r.Own = useOf(process.ReadThreadUsage().Since(m.own), elapsed, l.tally.requests)
	if r.Server != nil {
		m.stopServer(l, r.Server, elapsed)
	}
	r.judgeBound()
}

func (m meter) stopServer(l *loop, s *ServerUse, elapsed time.Duration) {
	now, err := process.ReadUsage(s.PID)
	// Read the memory after the CPU time: for a large process it takes a while, and the
	// server keeps working.
	s.After = Memory(process.ReadMemory(s.PID))
	s.IdleBytesPerConnection = (float64(s.Connected.RSS) - float64(s.Before.RSS)) / float64(l.options.Connections)
	if err != nil {
		return // the server has ended: the errors of the run say so
	}
	used := now.Since(m.server)
	if pushes := l.tally.pushCount(); pushes > 0 {
		s.CPUPerPush = used.CPU.Seconds() * 1e6 / float64(pushes)
	}
	s.CPUUse = useOf(used, elapsed, l.tally.requests)
	s.VoluntarySwitches, s.InvoluntarySwitches = used.Voluntary, used.Involuntary
}

// useOf divides the exact CPU time into user and system in the proportion of their
// coarser readings.
func useOf(u process.Usage, elapsed time.Duration, requests uint64) (c CPUUse) {
	if elapsed > 0 {
		c.Busy = u.CPU.Seconds() / elapsed.Seconds()
	}
	if requests > 0 {
		c.CPUPerRequest = u.CPU.Seconds() * 1e6 / float64(requests)
	}
	if parts := u.User + u.System; parts > 0 {
		c.UserPerRequest = c.CPUPerRequest * (u.User.Seconds() / parts.Seconds())
		c.SystemPerRequest = c.CPUPerRequest - c.UserPerRequest
	}
	return c
}
