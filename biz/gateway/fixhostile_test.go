package gateway_test

import (
	"testing"

	"holdfast/engine"
)

// A byte that may start a message, in front of one that is not complete yet, is garbage, and keeps
// nobody waiting: neither its sender nor another client.
func TestFIXStrayByte(t *testing.T) {
	with := worldOf(t, nil)
	with.listeners = []engine.Listener{fixListener}
	s := start(t, with)
	alice := &fixClient{t: t, name: "alice", customer: customers["alice"], out: 1}
	bob := &fixClient{t: t, name: "bob", customer: customers["bob"], out: 1}
	for _, c := range []*fixClient{alice, bob} {
		c.connect(s)
		c.logon()
		c.next()
	}
	for _, stray := range []string{"8", "8=", "x8=FI", "8=FIX.4.4\x01", "8=FIX.4.4\x019=", "8=8=8=8=FIX"} {
		alice.write([]byte(stray + "8=FIX.4.4\x01"))
		for _, c := range []*fixClient{bob, alice} {
			c.send("1", "112="+stray[:1])
			if line, _ := c.next(); line == "closed" || line == "" {
				t.Fatalf("%q after %q", line, stray)
			}
		}
	}
}
