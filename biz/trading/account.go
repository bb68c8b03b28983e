package trading

import (
	"slices"
	"sync"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/engine"
)

// account is one customer: the ledger's account, who may log in, and who is.
type account struct {
	owner    seed.Customer
	operator bool

	mu       sync.Mutex
	ledger   *ledger.Account
	sessions []*engine.Session // logged in, in the order of their logins
	saved    uint64            // number of the last event that a snapshot has
}

func (a *account) customer() ledger.Customer { return a.owner.Number }

// pushSequence is the number of the last push: each event has two.
func (a *account) pushSequence() uint64 { return 2 * a.ledger.LastNumber() }

// place applies an order, wholly or not at all: a panic in the middle of it ends
// the process. The caller holds a.mu.
func (a *account) place(o ledger.Order) (ledger.Event, error) {
	defer endOnPanic()
	return a.ledger.Place(o)
}

// bust is place for a bust.
func (a *account) bust(b ledger.Bust) (e ledger.Event, changed bool, err error) {
	defer endOnPanic()
	return a.ledger.Bust(b)
}

// attach adds a session. The caller holds a.mu.
func (a *account) attach(s *engine.Session) {
	if !slices.Contains(a.sessions, s) {
		a.sessions = append(a.sessions, s)
	}
}

// detach removes a session; it returns true for the last one.
func (a *account) detach(s *engine.Session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.sessions, s)
	if i < 0 {
		return false
	}
	a.sessions = slices.Delete(a.sessions, i, i+1)
	return len(a.sessions) == 0
}
