package chat_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestNoGapAndNoRepeats: while some talk, others join, leave and come back through all doors.
// What each gets between a join and its leave is a part of what was said, in the one order
// that all see: with nothing left out and nothing twice.
func TestNoGapAndNoRepeats(t *testing.T) {
	h := start(t, engine.Limits{})
	witness := h.login(packetDoor, alice)
	witness.join("")
	heard := make(chan []string)
	go func() { heard <- witness.transcript("the end") }()
	var talking, visiting sync.WaitGroup
	var quiet atomic.Bool
	for n, p := range []*peer{h.enter(), h.login(packetDoor, alice), h.login(tlvDoor, bob)} {
		talking.Go(func() {
			const ahead = 50 // messages that the speaker has not heard yet
			heard := 0
			for line := 0; !quiet.Load() || heard < line; {
				for ; !quiet.Load() && line < heard+ahead; line++ {
					p.say("", fmt.Sprintf("%d of %d", line, n))
				}
				text := fmt.Sprintf("%d of %d", heard, n)
				p.wants("its own message", func(e event) bool { return e.message != nil && e.message.Text == text })
				heard++
			}
		})
	}
	visits := make([][][]string, 6)
	for n := range visits {
		visiting.Go(func() { visits[n] = h.visits(n % len(doors)) })
	}
	visiting.Wait()
	quiet.Store(true)
	talking.Wait()
	h.login(packetDoor, alice).say("", "the end")
	order := <-heard
	at := make(map[string]int, len(order))
	for n, text := range order {
		at[text] = n
	}
	for n, all := range visits {
		for visit, texts := range all {
			from, found := at[texts[0]]
			if !found || from+len(texts) > len(order) || !slices.Equal(texts, order[from:from+len(texts)]) {
				t.Errorf("visitor %d, visit %d: %d messages from %q on are not a part of the %d that were said", n, visit, len(texts), texts[0], len(order))
			}
		}
	}
}

// transcript returns all that is said before the text end.
func (p *peer) transcript(end string) (texts []string) {
	for {
		m := p.hears()
		switch {
		case m.Text == end:
			return texts
		case m.Event == said:
			texts = append(texts, m.Text)
		}
	}
}

// visits visits the common room through a door, some times with the same connection, and
// returns what was said in each visit.
func (h *host) visits(door int) (all [][]string) {
	var p *peer
	for n := range 40 {
		if p == nil || n%3 == 0 {
			p = h.dial(door)
			if door != chatDoor {
				p.login(bob)
			}
		}
		all = append(all, p.visit(20*(n%8)))
		if door == chatDoor || n%3 == 2 {
			must(h.t, p.conn.Close())
			p = nil
		}
	}
	return all
}

// visit joins, reads a number of messages and leaves. It returns what was said from the join
// to the leave.
func (p *peer) visit(count int) (texts []string) {
	if p.door != chatDoor {
		p.chat(&pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN})
	}
	leaving, replies := false, 0
	for {
		e, err := p.next()
		must(p.t, err)
		if e.message != nil && e.message.Event == said {
			texts = append(texts, e.message.Text)
		}
		if e.reply != 0 {
			replies++
		}
		switch {
		case replies == 2 || p.door == chatDoor && len(texts) > count:
			return texts
		case !leaving && len(texts) > count:
			leaving = true
			p.chat(&pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_LEAVE})
		}
	}
}
