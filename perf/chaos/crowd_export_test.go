//go:build linux

package chaos

import (
	"errors"
	"time"

	"holdfast/codec/pb"
	"holdfast/perf/process"
)

// CrowdReport holds what one member of a crowd has received.
type CrowdReport struct {
	Answers, Received int
	Notice            pb.NoticeCode
}

// JoinCrowd connects one member that reads five bytes at a time, sends b, and waits until
// the server has closed. The error says why the member ended, unless the server closed
// cleanly.
func JoinCrowd(addr string, b []byte, limit time.Duration) (report CrowdReport, err error) {
	stop := catch(func() {
		c := newCrowd(addr, 11)
		defer c.close()
		c.buffer = c.buffer[:5]
		c.onOpen = func(m *member) { c.send(m, b) }
		m := c.join(false)
		if !c.until(limit, func() bool { return m.over }) {
			check(process.ErrStillRunning)
		}
		report, err = CrowdReport{Answers: m.answers, Received: m.received, Notice: m.notice}, m.err
	})
	return report, errors.Join(err, stop)
}
