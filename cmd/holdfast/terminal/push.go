package terminal

import (
	"fmt"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// repriceEvery is how often a new total value is shown while prices move.
const repriceEvery = 5 * time.Second

// tape is what the line for a push needs from earlier pushes.
type tape struct {
	skip    bool                        // the next position update belongs to an execution in a reply
	filled  client.Execution            // the last push, if it was an execution
	prices  map[client.Key]client.Price // of watched instruments, as last shown
	showing time.Time                   // when the total value was last shown
	total   client.Money                // at the last trade or when last shown
}

// pushed shows a push. The client calls it for one push at a time.
func (sh *shell) pushed(p client.Push) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	line := sh.pushLine(p)
	_, notice := p.Event.(client.Notice)
	switch {
	case line == "":
		return
	case sh.starting:
		sh.again.postpone(line)
		return
	case !sh.ready:
		return
	case sh.again.away && !notice: // a Notice is about the connection that ended
		sh.again.postpone(line)
		return
	}
	sh.showDropped()
	sh.print(line)
}

// showDropped says how many pushes the client has dropped because they came faster than
// they could be shown. The caller holds mu.
func (sh *shell) showDropped() {
	n := sh.client.Dropped() - sh.dropped
	if n == 0 {
		return
	}
	sh.dropped += n
	text := fmt.Sprintf("%d pushes were dropped: they came faster than they could be shown", n)
	sh.say(sh.style(Red, text)+"\n", event{Event: "break", Message: text})
}

// pushLine returns the line for a push, "" if it needs no line.
func (sh *shell) pushLine(p client.Push) string {
	if sh.json {
		return JSONLine(pushEvent(p))
	}
	if text := sh.pushText(p); text != "" {
		return sh.style(Faint, "* ") + text + "\n"
	}
	return ""
}

// pushText returns the text for a push, "" if it needs no line.
func (sh *shell) pushText(p client.Push) string {
	switch event := p.Event.(type) {
	case client.Execution:
		sh.tape.filled = event
		if sh.tape.skip = sh.own[event.ClientOrderID] != nil; sh.tape.skip {
			return ""
		}
		return executionText(event)
	case client.ExecutionBusted:
		return sh.bustedPushText(event)
	case client.OrderUpdate:
		return sh.orderUpdateText(event)
	case client.AccountUpdate:
		return sh.accountUpdateText(event)
	case client.PositionUpdate:
		return sh.updateText(p.Sequence, event)
	case client.Quote:
		return sh.quoteText(event)
	case client.ChatMessage:
		return chatText(event)
	case client.Notice:
		return sh.style(Red, "notice: "+table.Escape(event.Text))
	case client.SequenceBreak:
		return sh.style(Red, event.String()) + ": reloading the account"
	}
	return ""
}

// bustedPushText returns the line for an execution that was busted or corrected. The execution
// that replaces it follows.
func (sh *shell) bustedPushText(b client.ExecutionBusted) string {
	done := "was busted"
	if b.CorrectedBy != 0 {
		done = fmt.Sprintf("was corrected by %s", b.CorrectedBy)
	}
	return sh.style(Struck, "execution "+b.ID.String()) + " " + sh.style(Red, done+": "+table.Escape(b.Reason))
}

func (sh *shell) updateText(sequence uint64, u client.PositionUpdate) string {
	if sequence == 0 {
		return sh.totalText(u.MarketValue)
	}
	sh.tape.total = u.MarketValue
	if sh.tape.skip {
		if x := &sh.tape.filled; x.ID != 0 { // without an order update in between: it has filled the order
			sh.ownReached(x.ClientOrderID, orderStage{client.StatusFilled, x.Quantity})
		}
		sh.tape.skip = false
		return ""
	}
	return sh.positionText(u.Position) + " (" + u.Change.String() + ")"
}

// follow records which instruments are watched, nil for none and no keys for all, and their
// prices.
func (sh *shell) follow(keys []client.Key, list []client.Instrument) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.watching, sh.tape.prices = keys, make(map[client.Key]client.Price, len(list))
	for _, i := range list {
		sh.tape.prices[i.Key] = i.LastPrice
	}
}

// totalText returns the line for a new total, at most every repriceEvery.
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
	before, shown := sh.tape.prices[q.Key]
	line := fmt.Sprintf("%s %s", keyText(q.Key), q.LastPrice)
	if !shown { // the list of this watch is still on its way, or the watch has just ended
		return line
	}
	change := client.Money(q.LastPrice - before)
	sh.tape.prices[q.Key] = q.LastPrice
	return line + fmt.Sprintf(" (%s)", sh.style(profitStyle(change), signed(change)))
}
