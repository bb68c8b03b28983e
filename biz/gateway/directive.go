package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/ledger"
	"holdfast/codec/pb"
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
	fault  *pb.FixFaultCommand // of the customer's FIX sessions; nil: none
}

// maxParts is the most parts of a directive, maxWait its longest time.
const (
	maxParts = 100
	maxWait  = 24 * time.Hour
)

// directiveText returns what follows the last "!" of an order's client order id, with the "!"; "" if
// there is no directive.
func directiveText(o *ledger.NewOrder) string {
	id := o.ClientOrderID.String()
	return id[max(0, strings.LastIndexByte(id, '!')):]
}

// directiveOf parses a directive, which starts with "!", if the account's owner has opted in. The error
// is ledger.ErrBadDirective.
//
//	!reject=REASON   REASON as in the protocol, such as NOT_ENOUGH_CASH
//	!parts=K         K executions instead of one
//	!hold            only an operator executes it
//	!delay=DURATION  the execution and the reply come later
//	!late=DURATION   after a cancellation the rest is executed all the same
//	!bust=DURATION   the executions are busted
//	!fix=FAULT       the next message to the customer's FIX sessions is spoiled: FAULT is drop, check_sum
//	                 and so on as in FixFault, of several messages drop:3, for a delay delay:500ms
func (a *account) directiveOf(o *ledger.NewOrder, text string) (d directive, err error) {
	text, found := strings.CutPrefix(text, "!")
	if !found || !a.Owner().Directives {
		return d, nil
	}
	if !d.parse(text) {
		return d, fmt.Errorf("%w %q: it is reject=REASON, parts=1..%d, hold, fix=FAULT, or delay, late or bust with a duration up to %dh such as 500ms",
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
	case "fix":
		d.fault, ok = parseFault(value)
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

// parseFault reads FAULT[:COUNT][:DELAY].
func parseFault(s string) (*pb.FixFaultCommand, bool) {
	words := strings.Split(s, ":")
	kind := pb.FixFault_value["FIX_FAULT_"+strings.ToUpper(words[0])]
	f := &pb.FixFaultCommand{Fault: pb.FixFault(kind), Count: 1}
	for _, word := range words[1:] {
		if n, err := strconv.ParseUint(word, 10, 32); err == nil && n <= maxFaults {
			f.Count = uint32(n)
		} else if wait, ok := parseWait(word); ok {
			f.Delay = wait.Nanoseconds()
		} else {
			return nil, false
		}
	}
	return f, kind > 0
}
