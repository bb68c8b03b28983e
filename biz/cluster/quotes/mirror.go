package quotes

import (
	"context"
	"encoding/binary"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/desk"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/simulation"
)

const (
	// askInterval is when a request for the state that got no answer is made again.
	askInterval = 250 * time.Millisecond
	// haltsInterval is how often the halts of followers are compared: operators halt each desk by
	// itself, and two of them may do so in another order here than at the leader.
	haltsInterval = time.Second
	// maxMessages is how many messages wait; what exceeds them is a gap.
	maxMessages = 4096
)

// Mirror has the newest state of the market that this process has seen, and passes on what happens to
// the desks that follow. A process needs one. Goroutine: any.
type Mirror struct {
	conn     *nats.Conn
	log      *slog.Logger
	inbox    string
	messages chan *nats.Msg // of both subscriptions, in the order in which the leader has sent them
	ready    chan struct{}  // closed with the first state
	stop     chan struct{}
	running  sync.WaitGroup

	mu        sync.Mutex
	state     *state // nil: not received yet
	heard     time.Time
	compared  time.Time
	newest    uint64 // epoch
	followers map[*follower]struct{}

	// A request for the state.
	asking   bool
	request  int // number of the newest one
	answered bool
	parts    header  // of the next part
	events   []event // of the parts so far
}

type follower struct {
	desk        *desk.Desk
	driver      *simulation.Driver
	newest      int64 // time of the newest event of the desk when it came
	reported    bool  // the leader was sent that time
	instruments int   // that the desk has had
}

// NewMirror starts to listen to the market's leader. Close must be called before conn is closed.
func NewMirror(conn *nats.Conn, log *slog.Logger) (*Mirror, error) {
	m := &Mirror{
		conn: conn, log: log, inbox: nats.NewInbox(), messages: make(chan *nats.Msg, maxMessages),
		ready: make(chan struct{}), stop: make(chan struct{}), followers: make(map[*follower]struct{}),
	}
	var subscriptions []*nats.Subscription
	for _, s := range []string{subject, m.inbox + ".*"} {
		subscription, err := conn.ChanSubscribe(s, m.messages)
		if err != nil {
			return nil, err
		}
		subscriptions = append(subscriptions, subscription)
	}
	m.ask()
	m.running.Go(func() { m.run(subscriptions) })
	return m, nil
}

// Close ends the mirror. No desk follows it any more.
func (m *Mirror) Close() {
	close(m.stop)
	m.running.Wait()
}

// Wait waits until the state of the market was received, or ctx ends. Later calls return at once.
func (m *Mirror) Wait(ctx context.Context) error {
	select {
	case <-m.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Follow makes a desk follow the market, from its newest received state on; before the first one,
// the desk's trading time rests. The desk has started; the driver is a simulation.NewFollower and the
// desk's. Call leave before the desk is closed.
func (m *Mirror) Follow(d *desk.Desk, driver *simulation.Driver) (leave func()) {
	f := &follower{desk: d, driver: driver, newest: d.NewestEvent()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.followers[f] = struct{}{}
	if m.state != nil {
		m.reset(f)
		m.report(f)
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.followers, f)
	}
}

// Restore makes the desk of a new leader and its clock go on where the market was: from the newest
// time, and the newest prices that are not older than those of the desk's journal. Halts and closes
// are those of the journal. A clock in mode market.WallClock then goes on as long after that time as
// it was seen ago. It must be called before the clock is driven; the desk has started. Errors are
// those of desk.Desk.Follow.
func (m *Mirror) Restore(ctx context.Context, d *desk.Desk, clock *market.Clock) error {
	m.mu.Lock()
	start, moved := clock.Now(), desk.MarketEvent{Kind: desk.MarketMoved}
	if wall := clock.Mode() == market.WallClock; m.state == nil && wall {
		start = time.Now().UnixNano()
	} else if m.state != nil {
		if wall {
			start = m.state.time + time.Since(m.heard).Nanoseconds()
		}
		start = max(start, m.state.time)
		for _, k := range m.state.keys {
			id, found := d.Market().Find(k.Market, k.Code)
			if q := m.state.quotes[k]; found && q.last != 0 && q.at >= d.PricedAt(id) {
				moved.Prices = append(moved.Prices, desk.InstrumentPrice{Instrument: id, Price: q.last})
			}
		}
	}
	m.mu.Unlock()
	moved.Time = max(start, d.NewestEvent())
	clock.StartAt(moved.Time)
	return d.Follow(ctx, moved)
}

func (m *Mirror) run(subscriptions []*nats.Subscription) {
	ticker := time.NewTicker(askInterval)
	defer ticker.Stop()
	for {
		select {
		case <-m.stop:
			for _, s := range subscriptions {
				_ = s.Unsubscribe() // the connection may be closed
			}
			return
		case message := <-m.messages:
			m.receive(message)
		case <-ticker.C:
			m.mu.Lock()
			if m.asking && !m.answered {
				m.ask()
			}
			m.answered = false
			m.mu.Unlock()
		}
	}
}

// ask asks the leader for its state, and sends it the newest time here.
func (m *Mirror) ask() {
	m.asking, m.answered = true, false
	m.request++
	m.parts, m.events = header{}, nil
	var newest int64
	if m.state != nil {
		newest = m.state.time
	}
	for f := range m.followers {
		newest, f.reported = max(newest, f.newest), true
	}
	// An error is no other than a request that got no answer.
	_ = m.conn.PublishRequest(stateSubject, m.reply(), binary.AppendVarint(nil, newest))
}

// reply is where the answer to the newest request goes.
func (m *Mirror) reply() string { return m.inbox + "." + strconv.Itoa(m.request) }

func (m *Mirror) receive(message *nats.Msg) {
	if len(message.Data) == 0 {
		return // there is no leader
	}
	h, events, err := decode(message.Data)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil:
		m.log.Error("a message about the market is left out", "error", err)
	case h.epoch < m.newest: // of an older leader
	case message.Subject == subject:
		if h.epoch > m.newest { // a request to the leader before it may never be answered
			m.newest, m.asking = h.epoch, false
		}
		m.happened(h, events)
	case message.Subject == m.reply() && m.asking:
		m.newest = h.epoch
		m.answer(h, events)
	}
}

// happened applies a message of the leader.
func (m *Mirror) happened(h header, events []event) {
	switch s := m.state; {
	case s != nil && s.epoch == h.epoch && h.sequence == s.sequence+1:
	case s != nil && s.epoch == h.epoch && h.sequence <= s.sequence:
		return
	case m.asking:
		return
	default:
		if s != nil {
			m.log.Warn("asking for the state of the market: messages are missing, or another node leads it",
				"epoch", s.epoch, "sequence", s.sequence, "got_epoch", h.epoch, "got_sequence", h.sequence)
		}
		m.ask()
		return
	}
	m.state.apply(events)
	m.state.sequence, m.state.time, m.heard = h.sequence, max(m.state.time, h.time), time.Now()
	for f := range m.followers {
		if f.instruments != f.desk.Market().Len() {
			m.reset(f) // it lacked new instruments
		} else if !f.driver.Follow(numbered(events, f.desk.Market()), m.state.time, false) {
			m.log.Warn("a desk is too slow for the prices of the market; it goes on with the newest ones")
			m.reset(f)
		}
	}
	if time.Since(m.compared) >= haltsInterval {
		m.compared = time.Now()
		for f := range m.followers {
			f.driver.Follow(numbered(m.state.otherHalts(f.desk.Market()), f.desk.Market()), m.state.time, false)
		}
	}
}

// answer adds a part of the state, and goes on from it once it is complete.
func (m *Mirror) answer(h header, events []event) {
	if h.part == 0 {
		m.parts, m.events = h, nil
	}
	if h.epoch != m.parts.epoch || h.sequence != m.parts.sequence || h.part != m.parts.part {
		return // a part is missing, or two leaders answer: the request is made again
	}
	m.answered = true
	m.parts.part++
	m.events = append(m.events, events...)
	if !h.last {
		return
	}
	s := &state{epoch: h.epoch, sequence: h.sequence, time: h.time, quotes: make(map[seed.Key]*quote)}
	s.apply(m.events)
	if m.state == nil {
		close(m.ready)
	} else {
		s.time = max(s.time, m.state.time)
	}
	m.state, m.heard, m.asking, m.events = s, time.Now(), false, nil
	for f := range m.followers {
		m.reset(f)
	}
	for f := range m.followers {
		m.report(f)
	}
}

// report asks again if the leader does not know the time of a follower, which is later than its own: the
// trading time must not go back.
func (m *Mirror) report(f *follower) {
	if f.newest > m.state.time && !f.reported {
		m.ask()
	}
}

// reset makes a follower's market like the state.
func (m *Mirror) reset(f *follower) {
	f.instruments = f.desk.Market().Len()
	f.driver.Follow(numbered(m.state.events(), f.desk.Market()), m.state.time, true)
}
