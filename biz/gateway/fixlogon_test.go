package gateway_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// seedWithFIX has the sessions HERE, which needs no password on this machine, and THERE of alice.
func seedWithFIX(t testing.TB) *seed.Seed {
	t.Helper()
	return edited(t, `"name": "Alice"`, aliceWithFIX)
}

const aliceWithFIX = `"name": "Alice", "fix": [{"comp_id": "HERE", "addresses": ["127.0.0.0/8", "::1/128"]}, {"comp_id": "THERE", "addresses": ["192.0.2.0/24"]}]`

// startFIX starts a server with a FIX listener and sessions of alice.
func startFIX(t *testing.T, with setup) *server {
	t.Helper()
	with.listeners = []engine.Listener{fixListener}
	if with.seed == nil {
		with.seed = seedWithFIX(t)
	}
	return start(t, with)
}

// rawFIX sends a first message and returns what the server says: the message, with | for SOH and without
// what always differs, or "closed".
func (w *wire) rawFIX(msgType, from, to string, fields ...string) string {
	w.t.Helper()
	m := codecfix.Begin(nil, msgType)
	m.Int(codecfix.MsgSeqNum, 1)
	m.Text(codecfix.SenderCompID, from)
	m.Time(codecfix.SendingTime, time.Now().UnixNano())
	m.Text(codecfix.TargetCompID, to)
	for _, f := range append([]string{"98=0", "108=0"}, fields...) {
		appendField(&m, f)
	}
	w.write(m.End())
	return w.heardFIX()
}

func (w *wire) heardFIX() string {
	w.t.Helper()
	message, err := w.read()
	if errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "reset") {
		return "closed"
	}
	must(w.t, err)
	var m codecfix.Message
	must(w.t, m.Parse(message.Body))
	text := "35=" + string(m.Type)
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		if f.Tag != codecfix.SenderCompID && f.Tag != codecfix.TargetCompID && f.Tag != codecfix.SendingTime {
			text += fmt.Sprintf("|%d=%s", f.Tag, f.Value)
		}
	}
	return text
}

func (s *server) fixWire() *wire { return s.wireAt(len(s.setup.listeners) - 1) }

func hexToken(c client.Customer) string { return "554=" + hex.EncodeToString(demoToken(c)) }

const (
	fixWelcome  = "35=A|34=1|98=0|108=0"
	fixNoAccess = "35=5|34=1|58=customer number and credential do not match"
)

// TestFIXLogons: who can log on, and what the others learn.
func TestFIXLogons(t *testing.T) {
	s := startFIX(t, setup{})
	for _, tt := range []struct {
		name, msgType, from, to string
		fields                  []string
		want                    string
	}{
		{"token", "A", "100001", "HOLDFAST", []string{hexToken(alice)}, fixWelcome},
		{"token of another session of the customer", "A", "THERE", "HOLDFAST", []string{hexToken(alice)}, fixWelcome},
		{"password", "A", "100003", "HOLDFAST", []string{"554=" + strings.ReplaceAll(password, " ", "~")}, fixWelcome},
		{"no password from a listed address", "A", "HERE", "HOLDFAST", nil, fixWelcome},
		{"no password from another address", "A", "THERE", "HOLDFAST", nil, fixNoAccess},
		{"no password", "A", "100001", "HOLDFAST", nil, fixNoAccess},
		{"wrong password", "A", "100003", "HOLDFAST", []string{"554=wrong"}, fixNoAccess},
		{"password of a customer without one", "A", "100002", "HOLDFAST", []string{"554=wrong"}, fixNoAccess},
		{"token of another customer", "A", "100001", "HOLDFAST", []string{hexToken(bob)}, fixNoAccess},
		{"long password", "A", "100003", "HOLDFAST", []string{"554=" + strings.Repeat("x", seed.MaxPasswordSize+1)}, fixNoAccess},
		{"number that nobody has", "A", "100099", "HOLDFAST", []string{"554=wrong"}, fixNoAccess},
		{"name that nobody has", "A", "NOBODY", "HOLDFAST", []string{hexToken(alice)}, "closed"},
		{"number with a zero before it", "A", "0100001", "HOLDFAST", []string{hexToken(alice)}, "closed"},
		{"other TargetCompID", "A", "100001", "holdfast", []string{hexToken(alice)}, "closed"},
		{"no Logon", "0", "100001", "HOLDFAST", nil, "closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := s.fixWire()
			w.t = t
			if got := w.rawFIX(tt.msgType, tt.from, tt.to, tt.fields...); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if tt.want != fixWelcome && tt.want != "closed" {
				if got := w.heardFIX(); got != "closed" {
					t.Errorf("then %s, want closed", got)
				}
			}
			w.close()
		})
	}
	if n := s.service.FIXCounts().Refused; n != 11 {
		t.Errorf("%d refused", n)
	}
	if n := s.service.FIX(ledger.Customer(alice), "100001"); n.Out != 2 {
		t.Errorf("refused Logons have moved the number to %d", n.Out)
	}
}

// TestFIXLogonFromIPv6: the whole address counts, not its network.
func TestFIXLogonFromIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6")
	} else {
		must(t, l.Close())
	}
	s := start(t, setup{
		listeners: []engine.Listener{{Address: "[::1]:0", Dialect: codecfix.Dialect{}}},
		seed:      edited(t, `"name": "Alice"`, `"name": "Alice", "fix": [{"comp_id": "HERE", "addresses": ["::1/128"]}, {"comp_id": "THERE", "addresses": ["::/128"]}]`),
	})
	if got := s.fixWire().rawFIX("A", "HERE", "HOLDFAST"); got != fixWelcome {
		t.Error(got)
	}
	if got := s.fixWire().rawFIX("A", "THERE", "HOLDFAST"); got != fixNoAccess {
		t.Error(got)
	}
}

// TestFIXSecondConnection: the second one of a session learns nothing, and the first one lives on.
func TestFIXSecondConnection(t *testing.T) {
	s := startFIX(t, setup{})
	first := s.fixWire()
	if got := first.rawFIX("A", "HERE", "HOLDFAST"); got != fixWelcome {
		t.Fatal(got)
	}
	for range 3 {
		if got := s.fixWire().rawFIX("A", "HERE", "HOLDFAST"); got != "closed" {
			t.Errorf("got %s", got)
		}
	}
	if !s.service.FIX(ledger.Customer(alice), "HERE").Connected {
		t.Error("the first one has ended")
	}
	first.close()
	eventually(t, "the session to be free", func() bool { return !s.service.FIX(ledger.Customer(alice), "HERE").Connected })
	if got := s.fixWire().rawFIX("A", "HERE", "HOLDFAST", "141=Y"); got != fixWelcome+"|141=Y" {
		t.Error(got)
	}
}

// TestFIXRevoked: what is no longer in the seed file ends, and does not come back.
func TestFIXRevoked(t *testing.T) {
	s := startFIX(t, setup{})
	here, number, other := s.fixWire(), s.fixWire(), s.fixWire()
	for w, from := range map[*wire]string{here: "HERE", number: "100001"} {
		if got := w.rawFIX("A", from, "HOLDFAST", hexToken(alice)); got != fixWelcome {
			t.Fatal(got)
		}
	}
	if got := other.rawFIX("A", "100002", "HOLDFAST", hexToken(bob)); got != fixWelcome {
		t.Fatal(got)
	}
	if r := s.reload(); r.Sessions != 1 || len(r.Owners) != 1 { // without HERE and THERE
		t.Errorf("changed %+v", r)
	}
	if got := here.heardFIX(); got != "35=5|34=2|58=the login was revoked" {
		t.Error(got)
	}
	if got := here.heardFIX(); got != "closed" {
		t.Error(got)
	}
	if got := s.fixWire().rawFIX("A", "HERE", "HOLDFAST", hexToken(alice)); got != "closed" {
		t.Error(got)
	}
	if r := s.reload("ALICE", newTokenHash()); r.Sessions != 1 {
		t.Errorf("changed %+v", r)
	}
	if got := number.heardFIX(); got != "35=5|34=2|58=the login was revoked" {
		t.Error(got)
	}
	if s.service.FIX(ledger.Customer(alice), "100001").Connected || !s.service.FIX(ledger.Customer(bob), "100002").Connected {
		t.Error("the wrong session has ended")
	}
}

// TestFIXStop: a stop logs the clients out.
func TestFIXStop(t *testing.T) {
	s := startFIX(t, setup{})
	w := s.fixWire()
	if got := w.rawFIX("A", "HERE", "HOLDFAST"); got != fixWelcome {
		t.Fatal(got)
	}
	s.stop()
	if got := w.heardFIX(); got != "35=5|34=2|58=the server is stopping; connect again later" {
		t.Error(got)
	}
	if got := w.heardFIX(); got != "closed" {
		t.Error(got)
	}
	again := s.restart()
	if n := again.service.FIX(ledger.Customer(alice), "HERE").Out; n != 3 {
		t.Errorf("the next number is %d", n)
	}
}

// TestFIXIsPatient: a FIX client without heartbeats may be silent for longer than others.
func TestFIXIsPatient(t *testing.T) {
	s := startFIX(t, setup{limits: engine.Limits{IdleTime: time.Millisecond}})
	w := s.fixWire()
	if got := w.rawFIX("A", "HERE", "HOLDFAST"); got != fixWelcome {
		t.Fatal(got)
	}
	for range 2 {
		tr := s.wire()
		tr.login(bob)
		if _, err := tr.read(); err == nil { // the Notice
			_, err = tr.read()
			if err == nil {
				t.Fatal("a silent session of another dialect lives on")
			}
		}
	}
	if !s.service.FIX(ledger.Customer(alice), "HERE").Connected {
		t.Error("the FIX session has ended")
	}
}
