//go:build linux

package chaos

import (
	"time"

	"holdfast/codec/pb"
)

// CrowdReport is what one member of a crowd has seen.
type CrowdReport struct {
	Answers, Received int
	Notice            pb.NoticeCode
}

// JoinCrowd connects one member that reads five bytes at a time, sends b, and waits
// until the server has closed.
// The error is why the member is over, where that was no proper end.
func JoinCrowd(addr string, b []byte, limit time.Duration) (CrowdReport, error) {
	c, err := newCrowd(addr, 11)
	if err != nil {
		return CrowdReport{}, err
	}
	defer c.close()
	c.buffer = c.buffer[:5]
	c.onOpen = func(m *member) { c.send(m, b) }
	m, err := c.join(false)
	if err != nil {
		return CrowdReport{}, err
	}
	if !c.until(limit, func() bool { return m.over }) {
		return CrowdReport{}, ErrStillRunning
	}
	return CrowdReport{Answers: m.answers, Received: m.received, Notice: m.notice}, m.err
}
