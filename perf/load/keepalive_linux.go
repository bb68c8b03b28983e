package load

import "holdfast/codec"

// beats sends heartbeats on the connections that send nothing else for long: those
// that only get pushes, those that think, those whose turn in the timetable is
// rare. Servers cut who is silent. Owner: the event loop.
type beats struct {
	period int64 // within which each connection is looked at once
	begin  int64
	looks  int64 // how many there were since
	frame  []byte
}

func newBeats(period int64) beats {
	return beats{period: period, frame: codec.AppendHeader(nil, codec.CommandHeartbeat, beatID, 0)}
}

// beat looks at the connections whose turn has come: with no request since the
// last look, a heartbeat goes out. So nothing is silent for two periods. In the
// load Idle the heartbeats are the requests.
func (l *loop) beat() {
	if l.options.Workload == Idle && !l.ramping {
		return
	}
	b, all := &l.beats, int64(len(l.conns))
	due := int64(float64(l.now-b.begin) / float64(b.period) * float64(all))
	for b.looks = max(b.looks, due-all); b.looks < due; b.looks++ {
		c := &l.conns[b.looks%all]
		if c.state == ready && c.nextID == c.seenID {
			l.write(c, b.frame)
		}
		c.seenID = c.nextID
	}
}
