package desk

import "holdfast/biz/ledger"

// NewestEvent returns the time of the newest event of an account, the market or a script, in
// nanoseconds since the Unix epoch; 0 if there are no events. It looks at every account.
func (d *Desk) NewestEvent() (at int64) {
	at = max(d.newest.Load(), d.ScriptPosition().Time)
	for _, a := range d.Accounts() {
		a.View(func(l *ledger.Account) {
			if n := l.LastNumber(); n > 0 {
				at = max(at, l.Command(nil, n)[0].Time)
			}
		})
	}
	return at
}
