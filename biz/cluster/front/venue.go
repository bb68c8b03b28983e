package front

import (
	"sync"
	"time"

	"holdfast/biz/cluster/link"
)

// reopenTime is the shortest time between two lanes to the same owner: it may be dead.
const reopenTime = 200 * time.Millisecond

// venue is what the front knows of the venue of a stream.
type venue struct {
	front  *Front
	stream int

	mu      sync.Mutex
	owner   link.Owner // of the highest epoch
	heard   time.Time  // when it announced itself last
	lane    *lane      // to the owner; nil: none
	tried   time.Time  // when the last lane to this owner was opened
	waiting map[*shadow]struct{}
	closed  bool
}

// lane is the front's end of a lane.
type lane struct {
	*link.Lane
	number uint64
	venue  *venue

	mu      sync.Mutex
	shadows map[uint32]*shadow
	last    uint32 // number of the last shadow
	broken  bool
}

// announced takes an announcement of an owner. Goroutine: any.
func (v *venue) announced(o link.Owner) {
	v.mu.Lock()
	if o.Epoch >= v.owner.Epoch {
		v.heard = time.Now()
	}
	if o.Epoch < v.owner.Epoch || o.Epoch == v.owner.Epoch && (v.owner.Ended || o == v.owner) {
		v.mu.Unlock()
		return
	}
	var old *lane
	if o.Epoch > v.owner.Epoch {
		old, v.lane, v.tried = v.lane, nil, time.Time{}
	}
	v.owner = o
	v.mu.Unlock()
	if old != nil {
		v.drop(old)
	}
	v.connect()
}

// silentTime is how long an owner may be silent until it is not known any more.
const silentTime = 3 * time.Second

// announcer returns the owner that announces itself, or one of epoch 0.
func (v *venue) announcer() link.Owner {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.owner.Ended || time.Since(v.heard) > silentTime {
		return link.Owner{Stream: v.stream}
	}
	return v.owner
}

// connect opens the shadows that wait, if there is an owner.
func (v *venue) connect() {
	v.mu.Lock()
	var list []*shadow
	if len(v.waiting) > 0 && v.open() != nil {
		for s := range v.waiting {
			list = append(list, s)
		}
	}
	v.mu.Unlock()
	for _, s := range list {
		s.reconnect()
	}
}

// open returns the lane to the owner. It opens one if there is no lane yet, and returns nil if that is not
// possible now. The caller holds mu.
func (v *venue) open() *lane {
	if v.lane != nil || v.closed || v.owner.Epoch == 0 || v.owner.Ended || time.Since(v.tried) < reopenTime {
		return v.lane
	}
	v.tried = time.Now()
	f := v.front
	l := &lane{venue: v, shadows: make(map[uint32]*shadow)}
	f.mu.Lock()
	f.number++
	l.number = f.number
	l.Lane = link.NewLane(link.LaneConfig{
		Conn: f.config.Conn, Number: l.number, To: link.VenueSubject(v.stream, v.owner.Epoch), From: f.subject,
	})
	f.lanes[l.number] = l
	f.mu.Unlock()
	v.lane = l
	f.running.Go(func() {
		if l.Run() != nil {
			v.lost(l)
		}
	})
	return l
}

// add returns the lane for a shadow and its number there, or nil: reconnect is called later.
func (v *venue) add(s *shadow) (*lane, uint32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if l := v.open(); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.broken {
			delete(v.waiting, s)
			l.last++
			l.shadows[l.last] = s
			return l, l.last
		}
	}
	v.waiting[s] = struct{}{}
	return nil, 0
}

// remove makes the venue forget a shadow, which has number in l; l may be nil.
func (v *venue) remove(s *shadow, l *lane, number uint32) {
	v.mu.Lock()
	delete(v.waiting, s)
	v.mu.Unlock()
	if l == nil {
		return
	}
	l.mu.Lock()
	delete(l.shadows, number)
	l.mu.Unlock()
	l.Add(link.Entry{Kind: link.KindClose, Session: number}, nil)
	l.Flush()
}

// shadow returns the shadow with a number, or nil.
func (l *lane) shadow(number uint32) *shadow {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shadows[number]
}

// lost ends a lane that has broken; its shadows get another one. Goroutine: any that holds no lock.
func (v *venue) lost(l *lane) {
	v.mu.Lock()
	if v.lane == l {
		v.lane = nil
		if !v.closed && !v.owner.Ended {
			v.front.log.Info("the link to a venue has ended; its clients go on over another one", "stream", v.stream, "node", v.owner.Node)
		}
	}
	v.mu.Unlock()
	v.drop(l)
}

// drop ends a lane that is not v.lane any more.
func (v *venue) drop(l *lane) {
	v.front.mu.Lock()
	delete(v.front.lanes, l.number)
	v.front.mu.Unlock()
	l.mu.Lock()
	shadows := l.shadows
	l.shadows, l.broken = nil, true
	l.mu.Unlock()
	l.End()
	for _, s := range shadows {
		s.lost(l)
	}
}

// tick keeps the lane alive, and opens one for shadows that wait.
func (v *venue) tick(now time.Time) {
	v.mu.Lock()
	l := v.lane
	v.mu.Unlock()
	if l != nil && !l.Tick(now) {
		v.lost(l)
	}
	v.connect()
}

// close ends the lane for good.
func (v *venue) close() {
	v.mu.Lock()
	v.closed = true
	l := v.lane
	v.mu.Unlock()
	if l != nil {
		v.lost(l)
	}
}
