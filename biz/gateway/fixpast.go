package gateway

import (
	"context"
	"slices"
	"sort"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
)

// fixOld is an order that is no longer in memory, or why it can't be found.
type fixOld struct {
	order *ledger.Order
	cause ledger.Cause
	err   error
}

// maxFIXPast is how many looks into the past wait at a time; there is one at a time.
const maxFIXPast = 256

// lookUp finds an order in the history, and then calls then in another turn. The order is named by its
// id, or else by the field with this tag.
func (t *fixTurn) lookUp(m *codecfix.Message, order ledger.OrderID, tag int, then func(*fixTurn, *codecfix.Message, *fixOld)) {
	g, id := t.g, t.id
	m = m.Clone()
	end := t.undecided(m)
	v, _ := m.Get(tag)
	name, _ := ledger.ParseClientOrderID(v)
	look := func(ctx context.Context, w *workspace) {
		ctx, cancel := context.WithTimeout(ctx, historyTimeout)
		defer cancel()
		found := new(fixOld)
		o, cause, err := g.findOrder(ctx, id.account, order, name)
		if found.order, found.cause, found.err = &o, cause, err; err != nil && !isRefusal(err) {
			found.err = refusedAs(brokersOption, cancelBroker, g.historyProblem(err).Message)
		}
		g.inFIXLater(w, id, func(t *fixTurn) {
			end()
			then(t, m, found)
		})
	}
	if !g.fix.look(look) {
		end()
		then(t, m, &fixOld{err: refusedAs(brokersOption, cancelBroker, busy)})
	}
}

// look makes readPast call look. It returns false if too many wait.
func (d *fixDoor) look(look func(context.Context, *workspace)) bool {
	d.looks.Add(1)
	select {
	case d.past <- look:
		return true
	default:
		d.looks.Add(-1)
		return false
	}
}

// readPast looks into the past for FIX sessions until ctx ends.
func (g *Gateway) readPast(ctx context.Context) {
	w := g.newWorkspace()
	for {
		select {
		case <-ctx.Done():
			return
		case look := <-g.fix.past:
			look(ctx, w)
			g.fix.looks.Add(-1)
		}
	}
}

// fixEvents are events that a ResendRequest needs and that are no longer in memory. The list is empty if
// they can't be read; then the client gets a GapFill.
type fixEvents struct {
	from, to uint64 // their numbers; to 0: nothing was read
	list     []ledger.Event
	place    desk.PastPlace
	reading  bool
}

// maxFIXEvents is how many events are read at a time.
const maxFIXEvents = 4096

// resendEvents calls each for the events with an order whose reports have the numbers from to to. It
// returns false if each does, or if the rest has to be read first: then the session waits.
func (t *fixTurn) resendEvents(from, to uint64, each func(*ledger.Event, uint64) bool) bool {
	id, l := t.id, t.turn.Ledger()
	send := func(list []ledger.Event) bool {
		for n := range list {
			e := &list[n]
			if number := id.numberOf(e.Number); e.Kind.HasOrder() && number >= from && number <= to && !each(e, number) {
				return false
			}
		}
		return true
	}
	recent := l.Recent(nil)
	slices.Reverse(recent)
	inMemory := l.LastNumber() + 1 - uint64(len(recent))
	next := uint64(sort.Search(int(l.LastNumber()), func(n int) bool { return id.numberOf(uint64(n)+1) >= from })) + 1
	for next < inMemory {
		if id.numberOf(next) > to { // perhaps since events without a report are counted until the next offset
			o, more := id.offsetAfter(next)
			if !more || id.numberOf(o.From) > to {
				break
			}
			next = o.From
			continue
		}
		p := &id.past
		if next < p.from || next > p.to {
			t.readEvents(next, inMemory-1)
			id.session.ResendLater()
			return false
		}
		if !send(p.list) {
			return false
		}
		next = p.to + 1
	}
	return send(recent)
}

// readEvents reads events from the journal, which is done outside of the turn, and goes on with the
// resend then.
func (t *fixTurn) readEvents(from, last uint64) {
	g, id := t.g, t.id
	if id.past.reading {
		return
	}
	to, place := min(last, from+maxFIXEvents-1), id.past.place
	look := func(ctx context.Context, w *workspace) {
		ctx, cancel := context.WithTimeout(ctx, historyTimeout)
		defer cancel()
		list, err := g.desk.PastEvents(ctx, id.account.Account, from, to, &place)
		if err != nil {
			g.log.Warn("older events for a FIX client can't be read; a GapFill is sent instead", "session", id.key.Name, "error", err)
		}
		g.inFIXLater(w, id, func(t *fixTurn) {
			if id.past = (fixEvents{}); id.session.Resending() {
				id.past = fixEvents{from: from, to: to, list: list, place: place}
				t.tick()
			}
		})
	}
	id.past.reading = g.fix.look(look) // else the next tick tries again
}
