package quotes

import (
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/desk"
	"holdfast/biz/seed"
	"holdfast/biz/simulation"
)

const (
	// betweenMessages is the least time between two messages.
	betweenMessages = 2 * time.Millisecond
	// timeInterval is how often the trading time is published, restInterval how often while it rests.
	timeInterval = 10 * time.Millisecond
	restInterval = 200 * time.Millisecond
	// maxPending is how many prices wait to be published. Then followers need the state.
	maxPending = 1 << 16
	// maxRequests is how many requests for the state wait.
	maxRequests = 64
)

// Leader publishes what happens to the market of a desk. Start starts it.
type Leader struct {
	mu      sync.Mutex
	desk    *desk.Desk // nil before Start
	state   *state     // with pending; its sequence number and time are without
	pending []event
	prices  int           // of pending
	wake    chan struct{} // has a value if there is something to publish

	// Of the goroutine.
	conn      *nats.Conn
	driver    *simulation.Driver
	log       *slog.Logger
	requests  *nats.Subscription
	asked     chan *nats.Msg
	published time.Time
	failed    bool // the last message
	stop      chan struct{}
	running   sync.WaitGroup
}

// NewLeader returns a leader that publishes nothing so far.
func NewLeader() *Leader {
	return &Leader{wake: make(chan struct{}, 1), asked: make(chan *nats.Msg, maxRequests), stop: make(chan struct{})}
}

// Moved is the desk's desk.Config.Moved. It does nothing before Start.
func (l *Leader) Moved(m desk.MarketEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.desk == nil {
		return
	}
	e := event{kind: m.Kind, time: m.Time, prices: make([]price, len(m.Prices))}
	for n, p := range m.Prices {
		e.prices[n] = price{seed.KeyOf(l.desk.Market().At(p.Instrument)), p.Price}
	}
	l.pending = append(l.pending, e)
	l.state.apply(l.pending[len(l.pending)-1:])
	if l.prices += len(e.prices); l.prices > maxPending {
		l.pending, l.prices = nil, 0
		l.state.sequence++ // a gap: followers ask for the state
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Start starts to publish as the leader of an epoch. The desk has started, with Moved as its
// Config.Moved; its prices do not move before Start has returned. The driver is the desk's and has
// its own clock: other desks of the cluster may have a later time, which it then gets. Close must
// be called before conn is closed.
func (l *Leader) Start(conn *nats.Conn, epoch uint64, of *desk.Desk, driver *simulation.Driver, log *slog.Logger) error {
	requests, err := conn.ChanSubscribe(stateSubject, l.asked)
	if err != nil {
		return err
	}
	l.conn, l.driver, l.log, l.requests = conn, driver, log, requests
	l.mu.Lock()
	l.desk, l.state = of, newState(epoch, of.Market(), driver.Reached())
	l.mu.Unlock()
	l.running.Go(l.run)
	return nil
}

// Close ends the publishing, if it was started. It must be called once, when the prices no longer
// move.
func (l *Leader) Close() {
	close(l.stop)
	l.running.Wait()
	if l.requests != nil {
		_ = l.requests.Unsubscribe() // the connection may be closed
	}
}

func (l *Leader) run() {
	ticker := time.NewTicker(timeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case request := <-l.asked:
			if at, n := binary.Varint(request.Data); n > 0 {
				l.driver.Advance(at)
			}
			l.publish(request.Reply)
		case <-l.wake:
			l.publish("")
			time.Sleep(betweenMessages)
		case <-ticker.C:
			l.publish("")
		}
	}
}

// publish publishes what has happened, and then the state to a subject, if there is one.
func (l *Leader) publish(stateTo string) {
	reached := l.driver.Reached() // first: all events until then are pending
	l.mu.Lock()
	events := l.pending
	l.pending, l.prices = nil, 0
	moved := reached > l.state.time
	l.state.time = max(l.state.time, reached)
	var bodies [][]byte
	if len(events) > 0 || moved || time.Since(l.published) >= restInterval {
		bodies = encode(events)
	}
	h := header{epoch: l.state.epoch, sequence: l.state.sequence, last: true}
	l.state.sequence += uint64(len(bodies))
	whole := header{epoch: h.epoch, sequence: l.state.sequence, time: l.state.time}
	var parts [][]byte
	if stateTo != "" {
		parts = encode(l.state.events())
	}
	l.mu.Unlock()
	for n, body := range bodies {
		h.sequence++
		if n == len(bodies)-1 { // the time is not reached before
			h.time, l.published = whole.time, time.Now()
		}
		l.send(subject, h, body)
	}
	for n, body := range parts {
		whole.part, whole.last = uint64(n), n == len(parts)-1
		l.send(stateTo, whole, body)
	}
}

// send sends a message. One that is lost leaves a gap, which followers see.
func (l *Leader) send(to string, h header, body []byte) {
	err := l.conn.Publish(to, append(h.append(nil), body...))
	if err != nil && !l.failed {
		l.log.Warn("the prices of the market do not reach the other nodes; the next message is tried again", "error", err)
	}
	l.failed = err != nil
}
