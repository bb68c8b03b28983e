package main

import (
	"fmt"
	"time"

	"holdfast/biz/client"
)

// repriceEvery is how often a new total value is shown while prices move.
const repriceEvery = 5 * time.Second

// tape is what the lines about pushes need to know of earlier ones.
type tape struct {
	skip    bool                        // the position update that comes next belongs to an own order
	prices  map[client.Key]client.Price // of what is watched
	showing time.Time                   // when the total value was shown
	total   client.Money                // as of the last trade or showing
}

// expect notes that an order is this shell's own: its answer is shown, so that
// its pushes need not be.
func (sh *shell) expect(clientOrderID string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.own == nil {
		sh.own = make(map[string]bool)
	}
	sh.own[clientOrderID] = true
}

// pushed shows a push. The client calls it, one at a time.
func (sh *shell) pushed(p client.Push) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	text := sh.pushText(p)
	_, notice := p.Event.(client.Notice)
	switch {
	case !sh.ready || text == "":
		return
	case sh.again.away && !notice: // a notice is of the connection that ended
		sh.again.late = append(sh.again.late, sh.style(styleFaint, "* ")+text+"\n")
		return
	}
	sh.print(sh.style(styleFaint, "* ") + text + "\n")
}

// pushText is the line for a push, "" for one that needs none.
func (sh *shell) pushText(p client.Push) string {
	switch event := p.Event.(type) {
	case client.Execution:
		if sh.tape.skip = sh.own[event.ClientOrderID]; sh.tape.skip {
			delete(sh.own, event.ClientOrderID)
			return ""
		}
		return executionText(event)
	case client.ExecutionBusted:
		return sh.style(styleRed, fmt.Sprintf("execution %s is taken back: %s", event.ID, event.Reason))
	case client.PositionUpdate:
		return sh.updateText(p.Sequence, event)
	case client.Quote:
		return sh.quoteText(event)
	case client.Notice:
		return sh.style(styleRed, "notice: "+event.Text)
	case client.SequenceBreak:
		return sh.style(styleRed, event.String()) + ": pulling the account afresh"
	}
	return ""
}

func (sh *shell) updateText(sequence uint64, u client.PositionUpdate) string {
	if sequence == 0 {
		return sh.totalText(u.MarketValue)
	}
	sh.tape.total = u.MarketValue
	if sh.tape.skip {
		sh.tape.skip = false
		return ""
	}
	return sh.positionText(u.Position) + " (" + u.Change.String() + ")"
}

// follow notes the prices that the quotes of what is watched start from.
func (sh *shell) follow(list []client.Instrument) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.tape.prices = make(map[client.Key]client.Price, len(list))
	for _, i := range list {
		sh.tape.prices[i.Key] = i.LastPrice
	}
}

// totalText shows the total now and then: prices move all the time.
func (sh *shell) totalText(total client.Money) string {
	now := time.Now()
	if now.Sub(sh.tape.showing) < repriceEvery {
		return ""
	}
	change := total - sh.tape.total
	sh.tape.showing, sh.tape.total = now, total
	return fmt.Sprintf("prices move: total market value %s (%s)", total, sh.style(profitStyle(change), signed(change)))
}

func (sh *shell) quoteText(q client.Quote) string {
	change := client.Money(q.LastPrice - sh.tape.prices[q.Key])
	sh.tape.prices[q.Key] = q.LastPrice
	return fmt.Sprintf("%s %s (%s)", q.Key, q.LastPrice, sh.style(profitStyle(change), signed(change)))
}
