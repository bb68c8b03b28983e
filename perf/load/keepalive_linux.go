package load

import "holdfast/codec"

// beats sends heartbeats on connections that send nothing else for long: they only
// receive pushes, pause between requests, or are rarely due. Servers close idle sessions.
// Owner: the event loop.
type beats struct {
	period int64     // each connection is checked once in it
	looks  int64     // number of checks so far
	frames [2][]byte // of even and of odd connections
}

func newBeats(period int64, wires [2]wire) beats {
	b := beats{period: period}
	for i, w := range wires {
		if _, ok := w.(*fixWire); ok {
			continue // it numbers them
		}
		b.frames[i] = w.append(nil, w.prepare(codec.CommandHeartbeat, nil), beatID)
	}
	return b
}

// beat checks the connections that are due, and sends a heartbeat on those without a
// request since the last check. So no connection is silent for two periods. In the load
// Idle the heartbeats are the requests.
func (l *loop) beat() {
	if l.options.Workload == HalfOpen || l.options.Workload == Idle && !l.ramping {
		return
	}
	b, all := &l.beats, int64(len(l.conns))
	due := int64(float64(l.now) / float64(b.period) * float64(all))
	for b.looks = max(b.looks, due-all); b.looks < due; b.looks++ {
		c := &l.conns[b.looks%all]
		if c.state == ready && c.nextID == c.seenID && !c.beating {
			_, c.beating = c.wire.(tlvWire)
			c.beatAt = c.nextID
			frame := b.frames[c.number%2]
			if w, ok := c.wire.(*fixWire); ok {
				frame = w.appendBeat(nil, c, nil)
			}
			l.write(c, frame)
		}
		c.seenID = c.nextID
	}
}
