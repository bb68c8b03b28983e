package gateway

import (
	"fmt"
	"math"
	"slices"
	"time"

	"holdfast/biz/fix"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
	"holdfast/engine"
)

const (
	// maxHeldBytes is how much is held back of one FIX session; its connection is closed beyond that.
	maxHeldBytes = 1 << 20
	// maxFaults is how many messages a fault spoils at most.
	maxFaults = 1_000_000
)

// FIXEcho has separate FIX sessions, for tests of the session level.
type FIXEcho interface {
	// Start is called once, before the core serves.
	Start(core *engine.Core)
	// Handle handles a message, or returns false if it is of none of these sessions.
	Handle(c *engine.Context) bool
	// Tick is called every fixTick.
	Tick()
	// Closed is called when any connection has ended.
	Closed(s *engine.Session)
}

// fixMisbehaviour is what is demanded of a FIX session. Owner: who holds the account's lock.
type fixMisbehaviour struct {
	faults fix.Faults
	delay  time.Duration // of faults.Delay
	ending pb.FixFault   // LOGOUT or DISCONNECT: still to be done

	held     []heldMessage
	bytes    int  // of held
	overflow bool // too much was to be held
}

// heldMessage is a message that is held back.
type heldMessage struct {
	due   int64
	bytes []byte
}

// due returns when misbehave has something to do.
func (m *fixMisbehaviour) due() int64 {
	switch {
	case m.ending != 0 || m.overflow:
		return 0
	case len(m.held) > 0:
		return m.held[0].due
	}
	return math.MaxInt64
}

// holds reports whether the next message is held back.
func (m *fixMisbehaviour) holds(delayed bool) bool { return delayed || len(m.held) > 0 || m.overflow }

// gone forgets what concerns a connection that has ended.
func (m *fixMisbehaviour) gone() { m.ending, m.held, m.bytes, m.overflow = 0, nil, 0, false }

// postpone holds a message back, after those that are held back already.
func (t *fixTurn) postpone(message []byte, delayed bool) {
	m := &t.id.misbehaviour
	due := t.wall
	if delayed {
		due += m.delay.Nanoseconds()
	}
	if n := len(m.held); n > 0 {
		due = max(due, m.held[n-1].due)
	}
	if m.bytes += len(message); m.bytes > maxHeldBytes {
		m.overflow = true // misbehave closes the connection: not inside a call of the session
	} else {
		m.held = append(m.held, heldMessage{due, slices.Clone(message)})
	}
	t.id.next.Store(min(t.id.next.Load(), m.due()))
}

// release sends what is held back until a time.
func (t *fixTurn) release(until int64) {
	m := &t.id.misbehaviour
	for len(m.held) > 0 && m.held[0].due <= until {
		h := m.held[0]
		m.held = m.held[1:]
		m.bytes -= len(h.bytes)
		t.push(h.bytes)
	}
}

// misbehave does what is demanded at this time.
func (t *fixTurn) misbehave() {
	m := &t.id.misbehaviour
	if t.id.conn == nil {
		return
	}
	t.release(t.wall)
	switch ending := m.ending; {
	case m.overflow, ending == pb.FixFault_FIX_FAULT_DISCONNECT:
		m.held = nil
		t.out.Close(t.id.conn, engine.ReasonOnDemand)
		t.hangUp()
	case ending == pb.FixFault_FIX_FAULT_LOGOUT:
		m.ending = 0
		t.id.session.Logout("logged out on demand", t.wall, t)
	}
}

// demand sets a fault. It reports whether the session does something about it now.
func (id *fixIdentity) demand(f *pb.FixFaultCommand) (now bool) {
	m, n := &id.misbehaviour, int(f.Count)
	id.session.Faults = &m.faults
	switch f.Fault {
	case pb.FixFault_FIX_FAULT_DROP:
		m.faults.Drop = n
	case pb.FixFault_FIX_FAULT_DELAY:
		m.faults.Delay, m.delay = n, time.Duration(f.Delay)
	case pb.FixFault_FIX_FAULT_SKIP:
		m.faults.Skip = n
	case pb.FixFault_FIX_FAULT_CHECK_SUM:
		m.faults.CheckSum = n
	case pb.FixFault_FIX_FAULT_BODY_LENGTH:
		m.faults.BodyLength = n
	case pb.FixFault_FIX_FAULT_POSS_DUP:
		m.faults.PossDup = n
	case pb.FixFault_FIX_FAULT_REPEAT:
		m.faults.Repeat = n
	case pb.FixFault_FIX_FAULT_SWAP:
		m.faults.Swap = n
	case pb.FixFault_FIX_FAULT_CUT:
		m.faults.Cut = n
	case pb.FixFault_FIX_FAULT_REJECT:
		m.faults.Reject = n
	case pb.FixFault_FIX_FAULT_LOGOUT, pb.FixFault_FIX_FAULT_DISCONNECT:
		if id.conn != nil {
			m.ending = f.Fault
		}
	default:
		m.faults, id.session.Faults = fix.Faults{}, nil
		for i := range m.held {
			m.held[i].due = 0
		}
	}
	id.next.Store(min(id.next.Load(), m.due()))
	return m.due() == 0
}

// demandFIX sets a fault of the FIX sessions that it names, under the account's lock, and returns how
// many there are.
func (a *account) demandFIX(f *pb.FixFaultCommand) (n int) {
	now := false
	for _, id := range a.identities {
		if f.Session == "" || f.Session == id.key.Name {
			now = id.demand(f) || now
			n++
		}
	}
	if now {
		a.gateway.fix.wakeUp()
	}
	return n
}

// spoil executes a FixFaultCommand.
func (o *operation) spoil(f *pb.FixFaultCommand) error {
	a, err := o.existing(f.Customer)
	if err != nil {
		return err
	}
	_, listed := pb.FixFault_name[int32(f.Fault)]
	switch {
	case !listed:
		return fmt.Errorf("%w: unknown fault %d", ledger.ErrBadDirective, f.Fault)
	case f.Count > maxFaults:
		return fmt.Errorf("%w: a fault spoils at most %d messages", ledger.ErrBadDirective, maxFaults)
	case f.Delay < 0 || time.Duration(f.Delay) > maxWait:
		return fmt.Errorf("%w: messages are held back for at most %s", ledger.ErrBadDirective, maxWait)
	}
	n := o.SpoilFIX(f)
	switch {
	case n == 0 && f.Session != "":
		return fmt.Errorf("%w: customer %d has no FIX session %q so far: log on first", ledger.ErrBadDirective, a.Customer(), f.Session)
	case n == 0:
		return fmt.Errorf("%w: customer %d has no FIX session so far: log on first", ledger.ErrBadDirective, a.Customer())
	}
	o.reply.Count = uint32(n)
	return nil
}

// SpoilFIX makes the FIX sessions of a customer misbehave, and returns how many.
//
// Goroutine: any, in no turn.
func (g *Gateway) SpoilFIX(f *pb.FixFaultCommand) (n int) {
	if a := g.account(ledger.Customer(f.Customer)); a != nil {
		a.View(func(*ledger.Account) { n = a.demandFIX(f) })
	}
	return n
}
