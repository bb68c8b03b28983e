package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/ledger"
)

// directive is what a client order id demands of its order.
type directive struct {
	name   string
	reject ledger.Refusal
	parts  int
	hold   bool
	delay  time.Duration // of the execution and the reply
	later  bool          // something is to be done after wait: a bust, or the late execution
	wait   time.Duration
}

// maxParts is the most parts of a directive, maxWait its longest time.
const (
	maxParts = 100
	maxWait  = 24 * time.Hour
)

// directiveOf parses what follows the last "!" of the client order id, if the account's owner
// has opted in. The error is ledger.ErrBadDirective.
//
//	!reject=REASON   REASON as in the protocol, such as NOT_ENOUGH_CASH
//	!parts=K         K executions instead of one
//	!hold            only an operator executes it
//	!delay=DURATION  the execution and the reply come later
//	!late=DURATION   after a cancellation the rest is executed all the same
//	!bust=DURATION   the executions are busted
func (a *account) directiveOf(o *ledger.NewOrder) (d directive, err error) {
	if !a.Owner().Directives {
		return d, nil
	}
	id := o.ClientOrderID.String()
	at := strings.LastIndexByte(id, '!')
	if at < 0 {
		return d, nil
	}
	text := id[at+1:]
	if !d.parse(text) {
		return d, fmt.Errorf("%w %q: it is reject=REASON, parts=1..%d, hold, or delay, late or bust with a duration up to %dh such as 500ms",
			ledger.ErrBadDirective, text, maxParts, int(maxWait.Hours()))
	}
	if d.hold && !o.TimeInForce.Rests() {
		return d, fmt.Errorf("%w %q: an IMMEDIATE_OR_CANCEL or FILL_OR_KILL order can't be held",
			ledger.ErrBadDirective, text)
	}
	return d, nil
}

// parse reads a directive. It returns false if it is not one.
func (d *directive) parse(text string) (ok bool) {
	name, value, _ := strings.Cut(text, "=")
	switch d.name = name; name {
	case "reject":
		d.reject, ok = reasonOf(value)
	case "parts":
		n, err := strconv.Atoi(value)
		d.parts, ok = n, err == nil && n >= 1 && n <= maxParts
	case "hold":
		d.hold, ok = true, text == name
	case "delay":
		d.delay, ok = parseWait(value)
	case "late", "bust":
		d.later = true
		d.wait, ok = parseWait(value)
	}
	return ok
}

func parseWait(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && d <= maxWait
}
