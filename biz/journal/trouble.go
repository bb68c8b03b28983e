package journal

import (
	"strings"
	"sync/atomic"
)

// A trouble is the last error the server logged. After a failed fsync or on a
// full disk the server does not answer a write; its log is the only sign.
type trouble struct {
	signal chan struct{} // holds one
	last   atomic.Pointer[string]
	broken atomic.Bool // the server takes no write any more
}

// brokenText is in the error that the server logs when a write or an fsync
// failed. It keeps that error and drops every later write.
const brokenText = "critical write error"

func newTrouble() *trouble { return &trouble{signal: make(chan struct{}, 1)} }

func (t *trouble) note(text string) {
	t.last.Store(&text)
	if strings.Contains(strings.ToLower(text), brokenText) {
		t.broken.Store(true)
	}
	select {
	case t.signal <- struct{}{}:
	default:
	}
}

// forget drops the signal of what happened before.
func (t *trouble) forget() {
	select {
	case <-t.signal:
	default:
	}
}

// text is the last error, "nothing" if there was none.
func (t *trouble) text() string {
	if s := t.last.Load(); s != nil {
		return *s
	}
	return "nothing"
}
