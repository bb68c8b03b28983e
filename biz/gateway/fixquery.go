package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// A FIX client may ask for more than its connection takes at once. The first messages of an answer
// leave in the turn of the request. A goroutine sends the others, some in a turn, whenever the client
// has taken the earlier ones. It ends with the connection. These messages are not stored: a
// ResendRequest for them is answered by a GapFill, and the client asks again.

const (
	// fixPiece is how many messages of an answer leave in one turn, some 70 KiB.
	fixPiece = 200
	// fixDue is how many bytes a client may still have to take when the next ones leave.
	fixDue = 64 << 10
	// fixLook is the time between two looks at what a client has taken.
	fixLook = 5 * time.Millisecond
	// maxAnswers is how many answers of one session may be on their way, maxAllAnswers of all sessions.
	maxAnswers    = 4
	maxAllAnswers = 64
)

// notAvailable is the symbol of an answer that is about no instrument.
const notAvailable = "[N/A]"

// identityQueries is what the queries of a FIX session have left. Owner: the turns of its account.
type identityQueries struct {
	answers   atomic.Int32 // that are on their way. Goroutine: any
	positions *positionSubscription
}

// fixQueries is what the queries of all FIX sessions share.
type fixQueries struct {
	stopped <-chan struct{} // by Close
	answers atomic.Int32    // that are on their way

	mu          sync.Mutex // taken after the lock of an account
	subscribers map[*fixIdentity]*marketSubscriber
}

func (q *fixQueries) start(stopped <-chan struct{}) {
	q.stopped, q.subscribers = stopped, make(map[*fixIdentity]*marketSubscriber)
}

// query executes a request that changes nothing. It reports false for a message of another type.
func (t *fixTurn) query(m *codecfix.Message) bool {
	t.counted = true
	switch string(m.Type) {
	case codecfix.OrderMassStatusRequest:
		t.massStatus(m)
	case codecfix.RequestForPositions:
		t.positions(m)
	case codecfix.MarketDataRequest:
		t.marketData(m)
	case codecfix.SecurityListRequest:
		t.securities(m)
	case codecfix.TradeCaptureReportRequest:
		t.trades(m)
	default:
		t.counted = false
		return false
	}
	return true
}

// send sends a message that is not stored.
func (t *fixTurn) send(msgType string, body func(*codecfix.Writer)) {
	s := t.id.session
	w := s.Start(t.out.message[:0], msgType, t.wall)
	body(&w)
	t.out.message = w.End()
	s.Send(t.out.message, t.wall, t)
}

// uniqueID appends a field with an id that no other message has: the number of this one, and its time.
func (t *fixTurn) uniqueID(w *codecfix.Writer, tag int, prefix string) {
	w.Text(tag, prefix+base36(int64(t.id.session.NextOut))+"-"+base36(t.wall))
}

// fixAnswer is an answer of several messages.
type fixAnswer struct {
	messages int
	piece    int                            // how many leave in one turn; 0: fixPiece
	head     func()                         // sends what comes before them; nil: nothing
	send     func(t *fixTurn, from, to int) // sends those from one to below another
	sent     func(t *fixTurn)               // is called after the last one; nil: nothing is
}

// answerAll sends an answer: at once, if it is one piece. The request is valid only during the call.
func (t *fixTurn) answerAll(m *codecfix.Message, a *fixAnswer) {
	if a.piece == 0 {
		a.piece = fixPiece
	}
	at := min(a.messages, a.piece)
	rest := func(s *fixStream) {
		for at < a.messages && s.ready() {
			s.turn(func(t *fixTurn) {
				end := min(at+a.piece, a.messages)
				a.send(t, at, end)
				if at = end; at == a.messages {
					a.end(t)
				}
			})
		}
	}
	if at < a.messages && !t.streamFor(m, rest) {
		return
	}
	if a.head != nil {
		a.head()
	}
	a.send(t, 0, at)
	if at == a.messages {
		a.end(t)
	}
}

func (a *fixAnswer) end(t *fixTurn) {
	if a.sent != nil {
		a.sent(t)
	}
}

// fixStream sends an answer to a FIX client piece by piece. Goroutine: a separate one.
type fixStream struct {
	g     *Gateway
	id    *fixIdentity
	conn  *engine.Session
	w     *workspace
	ended bool // the client has logged out, or is about to
}

// streamFor is stream for a request, which it rejects if there is no stream.
func (t *fixTurn) streamFor(m *codecfix.Message, send func(*fixStream)) bool {
	ok := t.stream(send)
	if !ok {
		t.id.session.BusinessReject(m, 4, "earlier answers are on their way; ask again after them", t.wall, t) // not available
	}
	return ok
}

// stream calls send in another goroutine, unless too many answers are on their way. The first turn of the
// stream comes after this one.
func (t *fixTurn) stream(send func(*fixStream)) bool {
	all, own := &t.g.queries.answers, &t.id.queries.answers
	if own.Load() >= maxAnswers || all.Load() >= maxAllAnswers {
		return false
	}
	all.Add(1)
	own.Add(1)
	s := &fixStream{g: t.g, id: t.id, conn: t.id.conn, w: t.g.newWorkspace()}
	t.g.running.Go(func() {
		defer all.Add(-1)
		defer own.Add(-1)
		send(s)
	})
	return true
}

// ready returns when the client has taken nearly everything, or false if nothing more is to be sent.
func (s *fixStream) ready() bool {
	for wait := time.NewTicker(fixLook); ; {
		if s.ended || s.conn.Closing() {
			wait.Stop()
			return false
		}
		if s.conn.Due() <= fixDue {
			wait.Stop()
			return true
		}
		select {
		case <-s.g.queries.stopped:
			s.ended = true
		case <-wait.C:
		}
	}
}

// turn calls do in a turn of the client's account, unless the client is no longer logged on, or too much
// waits for the disk: then the caller tries again.
func (s *fixStream) turn(do func(*fixTurn)) {
	online := false
	err := s.g.inFIX(s.w, s.id, s.conn, func(t *fixTurn) {
		if online = s.id.session.Online(); online {
			t.counted = true
			do(t)
		}
	})
	if err == nil {
		s.ended = !online
		return
	}
	select {
	case <-s.g.queries.stopped:
		s.ended = true
	case <-time.After(fixLook):
	}
}

// historyContext bounds a read of the history.
func historyContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), historyTimeout)
}

// symbolOf returns the instrument that a message names. named is false if it names none, ok if there is
// no such instrument.
func (g *Gateway) symbolOf(m *codecfix.Message) (id ledger.InstrumentID, named, ok bool) {
	symbol, named := m.Get(codecfix.Symbol)
	if !named || string(symbol) == notAvailable {
		return 0, false, true
	}
	id, err := g.fixInstrument(m)
	return id, true, err == nil
}

// foreign reports whether a message names the account of another customer.
func (t *fixTurn) foreign(m *codecfix.Message) bool {
	v, named := m.Get(codecfix.Account)
	return named && string(v) != t.customer()
}
