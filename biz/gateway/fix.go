package gateway

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/fix"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

const (
	// numberMargin is how many numbers one mark reserves for messages that have no event, such as
	// heartbeats: after a kill the numbers go on after them, and a GapFill covers the unused ones.
	numberMargin = 256
	// fixTick is the time between two looks at the deadlines of FIX sessions.
	fixTick = 100 * time.Millisecond
	// resendPiece is how many messages leave between two looks, of all that a client has asked for.
	resendPiece = 500
)

// fixIdentity is a FIX session, which outlives its connections: the CompID of a client that trades for
// one customer. Owner: the turns of its account.
type fixIdentity struct {
	account *account
	key     desk.SequenceKey // named as the client's CompID
	config  fix.Config
	session *fix.Session
	conn    *engine.Session // nil: the client is away
	state   desk.Sequence   // as marked
	waiting []*uint64       // the numbers of the messages that are not decided: see fixTurn.undecided
	past    fixEvents
	held    []byte       // what Gateway.Hold holds back
	next    atomic.Int64 // fix.Session.Deadline. Goroutine: any
	queries identityQueries

	misbehaviour fixMisbehaviour
	// Memory for the current turn, and for the reports in it.
	turn, reports fixTurn
}

// fixDoor is what the gateway has for all FIX sessions.
type fixDoor struct {
	customers atomic.Pointer[map[string]ledger.Customer] // by the CompIDs in the seed file
	checks    fixChecks

	mu     sync.Mutex
	online map[*fixIdentity]struct{}
	ended  map[*engine.Session]*fixIdentity // connections that have ended: not always in the order of their Logons
	missed map[*engine.Session]fixMissed
	wake   chan struct{}
	past   chan func(context.Context, *workspace) // looks into the past that wait
	looks  atomic.Int64                           // of those and the one that is made

	counts         fixCounters
	refused        atomic.Uint64 // Logons
	warnedOfLogons engine.LogLimiter
}

func (d *fixDoor) start() {
	d.online, d.ended = make(map[*fixIdentity]struct{}), make(map[*engine.Session]*fixIdentity)
	d.missed = make(map[*engine.Session]fixMissed)
	d.wake, d.past = make(chan struct{}, 1), make(chan func(context.Context, *workspace), maxFIXPast)
}

// reload takes the CompIDs of a seed.
func (d *fixDoor) reload(s *seed.Seed) {
	customers := make(map[string]ledger.Customer)
	for n := range s.Customers {
		for i := range s.Customers[n].FIX {
			customers[s.Customers[n].FIX[i].CompID] = s.Customers[n].Number
		}
	}
	d.customers.Store(&customers)
}

// fixChecks are the checks of messages, by what they accept besides FIX 4.4.
type fixChecks struct {
	mu   sync.Mutex
	made map[fixAccepts]*codecfix.Dictionary
}

type fixAccepts struct{ user, unknown bool }

// of returns a dictionary. Each takes some 450 KiB, and is made when the first client needs it.
func (c *fixChecks) of(a fixAccepts) *codecfix.Dictionary {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.made[a]
	if d == nil {
		d = codecfix.NewDictionary()
		d.UserFields, d.UnknownFields = a.user, a.unknown
		if c.made == nil {
			c.made = make(map[fixAccepts]*codecfix.Dictionary)
		}
		c.made[a] = d
	}
	return d
}

func (d *fixDoor) setOnline(id *fixIdentity, online bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if online {
		d.online[id] = struct{}{}
	} else {
		delete(d.online, id)
	}
}

// clients returns how many clients are connected.
func (d *fixDoor) clients() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.online)
}

// end says that the connection of an identity has ended. Goroutine: any.
func (d *fixDoor) end(id *fixIdentity, conn *engine.Session) {
	d.ends(id, conn)
	d.wakeUp()
}

// wakeUp makes keepTime look at once. Goroutine: any.
func (d *fixDoor) wakeUp() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *fixDoor) ends(id *fixIdentity, conn *engine.Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended[conn] = id
}

// due appends the identities with something to do at a time, and returns the connections that have ended.
func (d *fixDoor) due(list []*fixIdentity, now int64) ([]*fixIdentity, map[*engine.Session]*fixIdentity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.online {
		if id.next.Load() <= now {
			list = append(list, id)
		}
	}
	if len(d.ended) == 0 {
		return list, nil
	}
	ended := d.ended
	d.ended = make(map[*engine.Session]*fixIdentity)
	return list, ended
}

// keepTime sends what FIX sessions have to send at certain times, until ctx ends.
func (g *Gateway) keepTime(ctx context.Context) {
	ticker := time.NewTicker(fixTick)
	defer ticker.Stop()
	w := g.newWorkspace()
	var due []*fixIdentity
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-g.fix.wake:
		}
		if g.config.FIXEcho != nil {
			g.config.FIXEcho.Tick()
		}
		var ended map[*engine.Session]*fixIdentity
		due, ended = g.fix.due(due[:0], g.wall())
		for conn, id := range ended {
			if err := g.inFIX(w, id, conn, (*fixTurn).hangUp); err != nil {
				g.fix.ends(id, conn) // overloaded: try again
			}
		}
		for conn, lost := range g.fix.takeMissed() {
			if err := g.inFIX(w, lost.id, conn, func(t *fixTurn) { t.ask(lost) }); err != nil {
				g.fix.miss(conn, lost) // still overloaded
			}
		}
		for _, id := range due {
			_ = g.inFIX(w, id, nil, (*fixTurn).tick) // overloaded: the next time
		}
		clear(due)
	}
}

// endFIX logs all FIX clients out.
func (g *Gateway) endFIX() {
	w := g.newWorkspace()
	all, _ := g.fix.due(nil, math.MaxInt64)
	for _, id := range all {
		_ = g.inFIX(w, id, nil, func(t *fixTurn) { id.session.Logout(stopping, t.wall, t) }) // overloaded: its connection is closed anyway
	}
}

// startFIX makes the identities go on that the journal has.
func (g *Gateway) startFIX() {
	g.fix.start()
	g.restoreFIX(*g.accounts.Load())
}

// restoreFIX makes the identities of new accounts go on that the journal has.
func (g *Gateway) restoreFIX(accounts map[ledger.Customer]*account) {
	for key, s := range g.desk.Sequences() {
		a := accounts[key.Customer]
		if a == nil {
			continue // the seed lacks the customer
		}
		a.View(func(l *ledger.Account) {
			id := g.newIdentity(a, key.Name)
			id.state, id.session.NextIn = *s, max(s.In, 1)
			id.session.NextOut = max(s.Out, 1, id.numberOf(l.LastNumber()+1))
		})
	}
}

// newIdentity adds an identity to an account. It is called under the account's lock.
func (g *Gateway) newIdentity(a *account, name string) *fixIdentity {
	id := &fixIdentity{account: a, key: desk.SequenceKey{Customer: a.Customer(), Name: name}}
	id.session = fix.New(&id.config)
	id.next.Store(math.MaxInt64)
	a.identities = append(a.identities, id)
	return id
}

// configure applies the settings of the seed file before a Logon.
func (g *Gateway) configure(id *fixIdentity, f *seed.FIX) {
	id.config = fix.Config{
		Ours: g.config.FIXCompID, Theirs: id.key.Name, ResetOnLogon: f.ResetOnLogon, Chunk: uint64(f.ResendChunk),
		LastProcessed: f.LastProcessed, Check: g.fix.checks.of(fixAccepts{f.UserFields, f.UnknownFields}).Check,
	}
}

// offsetAfter returns the first offset from a later event on.
func (id *fixIdentity) offsetAfter(event uint64) (o desk.Offset, found bool) {
	list := id.state.Offsets
	n := sort.Search(len(list), func(n int) bool { return list[n].From > event })
	if n == len(list) {
		return desk.Offset{}, false
	}
	return list[n], true
}

// numberOf returns the number of the message for an event, 0 if it had none. Events without a report are
// counted, too, so that the number falls where an offset begins after them; for those with one it rises.
func (id *fixIdentity) numberOf(event uint64) uint64 {
	o := id.state.Offsets
	n, found := slices.BinarySearchFunc(o, event, func(o desk.Offset, event uint64) int { return cmp.Compare(o.From, event) })
	if !found {
		n--
	}
	if n < 0 {
		return 0
	}
	return uint64(int64(event) + o[n].By)
}
