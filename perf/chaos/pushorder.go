package chaos

import "fmt"

// pushOrder checks that each push of a session follows the one before it, or a snapshot. The first
// push after a snapshot may be seen before the snapshot is: an account may change while the session
// logs in.
type pushOrder struct {
	last   uint64 // number of the last push, or of the snapshot
	jumped uint64 // the last push that did not follow the one before; 0: none
}

// push takes a push. It returns what is wrong, "" if nothing is.
func (o *pushOrder) push(sequence uint64) (wrong string) {
	if sequence != o.last+1 {
		if o.jumped != 0 {
			wrong = fmt.Sprintf("got push %d after %d", sequence, o.last)
		}
		o.jumped = sequence
	}
	o.last = sequence
	return wrong
}

// snapshot takes the number of a snapshot, before or after the first push that follows it.
func (o *pushOrder) snapshot(sequence uint64) (wrong string) {
	switch {
	case o.jumped == sequence+1:
	case o.jumped != 0:
		wrong = fmt.Sprintf("got push %d first, after a snapshot with %d", o.jumped, sequence)
	case o.last < sequence:
		o.last = sequence
	}
	o.jumped = 0
	return wrong
}

// end is called when no snapshot can explain a jump any more.
func (o *pushOrder) end() (wrong string) {
	if o.jumped != 0 {
		wrong = fmt.Sprintf("got push %d, which does not follow the one before", o.jumped)
	}
	o.jumped = 0
	return wrong
}

// resumption is what a session that resumes has got. An account may have more pushes at any time: a
// server that has just started may execute orders that a price has reached meanwhile.
type resumption struct {
	resumed bool   // else it has a snapshot
	before  uint64 // the last push that the session had seen
	now     uint64 // the account's last one before the session logged in; with a snapshot, its number
	got     uint64 // the last one that the session has now
	after   uint64 // the account's last one after that
}

// wrong returns what is wrong, "" if nothing is.
func (r resumption) wrong() string {
	switch {
	case r.before > r.now:
		return fmt.Sprintf("has seen push %d, but after the restart there are only %d", r.before, r.now)
	case !r.resumed && r.before > 0 && r.now-r.before < resumedReach:
		return fmt.Sprintf("did not receive the pushes from %d to %d", r.before+1, r.now)
	case !r.resumed:
		return ""
	case r.got < r.now:
		return fmt.Sprintf("missed the pushes from %d to %d and received them only up to %d", r.before+1, r.now, r.got)
	case r.got > r.after:
		return fmt.Sprintf("received the pushes up to %d, but there are only %d", r.got, r.after)
	}
	return ""
}

// resumedReach is how many pushes a session may have missed to resume: at least one for each of the
// 256 events that the server remembers of an account.
const resumedReach = 256
