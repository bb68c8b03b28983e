package journal

import (
	"strings"
	"sync/atomic"
)

// A trouble is the last error that the server logged. After a failed fsync or on a full
// disk the server does not answer a write; only its log shows the failure.
type trouble struct {
	signal chan struct{} // holds one
	last   atomic.Pointer[string]
	broken atomic.Bool // the server drops all further writes
}

// brokenText is part of the error that the server logs after a failed write or fsync. The
// server then drops every later write.
const brokenText = "critical write error"

func newTrouble() *trouble { return &trouble{signal: make(chan struct{}, 1)} }

func (t *trouble) record(text string) {
	t.last.Store(&text)
	if strings.Contains(strings.ToLower(text), brokenText) {
		t.broken.Store(true)
	}
	select {
	case t.signal <- struct{}{}:
	default:
	}
}

// forget drops the signal of an earlier error.
func (t *trouble) forget() {
	select {
	case <-t.signal:
	default:
	}
}

// text returns the last error, or "nothing" if there was no error.
func (t *trouble) text() string {
	if s := t.last.Load(); s != nil {
		return *s
	}
	return "nothing"
}
