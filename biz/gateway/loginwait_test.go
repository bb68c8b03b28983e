package gateway_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// waiting waits until that many logins are in the queue.
func (s *server) waiting(n int) {
	s.t.Helper()
	eventually(s.t, "the logins to wait", func() bool { return s.service.WaitingLogins() == n })
}

// refusedLogin returns the text of a login that is answered OVERLOADED.
func (w *wire) refusedLogin(id uint64) string {
	w.t.Helper()
	r, body := w.reply(codec.CommandLogin, id)
	var e pb.Error
	must(w.t, e.UnmarshalVT(body))
	if r != codec.ResultOverloaded {
		w.t.Errorf("login: %s %q, want OVERLOADED", r, e.Message)
	}
	return e.Message
}

// verifying starts logins until all verifiers are busy. Passwords are held.
func (s *server) verifying() (busy []*wire) {
	s.t.Helper()
	for range 8 { // more than there are verifiers
		w := s.wire()
		w.send(codec.CommandLogin, 1, guessOf(carol, password))
		busy = append(busy, w)
	}
	eventually(s.t, "the verifiers to be busy", func() bool { return s.service.WaitingLogins() == 8-s.service.PasswordSlots() })
	return busy
}

// TestLoginsWait: any number of right passwords at once get in, also more than the wrong ones
// that one address may send.
func TestLoginsWait(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	var all []*wire
	for range 80 {
		w := s.wire()
		w.send(codec.CommandLogin, 1, guessOf(carol, password))
		all = append(all, w)
	}
	s.waiting(80 - s.service.PasswordSlots())
	release()
	for n, w := range all {
		if r, _ := w.reply(codec.CommandLogin, 1); r != codec.ResultOK {
			t.Errorf("login %d: %s", n, r)
		}
	}
	if n := s.service.DelayedGuesses(); n != 0 {
		t.Errorf("%d were delayed", n)
	}
}

// TestLoginWaitsOnlySoLong: a login that can't be verified in time is told so, and may try
// again on the same session.
func TestLoginWaitsOnlySoLong(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	expire := s.service.HoldWaits()
	busy := s.verifying()
	expire()
	s.waiting(0)
	release()
	verified := 0
	for _, w := range busy {
		r, body := w.reply(codec.CommandLogin, 1)
		if r == codec.ResultOK {
			verified++
			continue
		}
		var e pb.Error
		must(t, e.UnmarshalVT(body))
		if want := "(limit 30s: setting limits.login_wait, flag --login-wait); try again in 30s"; r != codec.ResultOverloaded || !strings.HasSuffix(e.Message, want) {
			t.Errorf("%s %q", r, e.Message)
		}
		if r, _ := w.ask(codec.CommandLogin, 2, guessOf(carol, password)); r != codec.ResultOK {
			t.Errorf("again: %s", r)
		}
	}
	if verified != s.service.PasswordSlots() {
		t.Errorf("%d were verified, want %d", verified, s.service.PasswordSlots())
	}
}

// TestLoginQueueIsBounded: a login beyond the share of its address is refused. A session that
// ends frees its place.
func TestLoginQueueIsBounded(t *testing.T) {
	s := start(t, setup{loginQueue: 32})
	release := s.holdPasswords()
	defer release()
	all := s.verifying()
	for s.service.WaitingLogins() < 16 {
		w := s.wire()
		before := s.service.WaitingLogins()
		w.send(codec.CommandLogin, 1, guessOf(carol, password))
		s.waiting(before + 1)
		all = append(all, w)
	}
	next := s.wire()
	next.send(codec.CommandLogin, 1, guessOf(carol, password))
	if text := next.refusedLogin(1); !strings.Contains(text, "(limit 32 for all addresses: setting limits.login_queue, flag --login-queue); try again in 30s") {
		t.Errorf("refused with %q", text)
	}
	last := all[len(all)-1]
	must(t, last.conn.(*net.TCPConn).SetLinger(0)) // a reset: the session ends at once
	last.close()
	s.waiting(15)
	next.send(codec.CommandLogin, 2, guessOf(carol, password))
	s.waiting(16)
}

// TestDrainRefusesLogins: a stop waits for the passwords that are being verified and refuses
// those that wait.
func TestDrainRefusesLogins(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	busy := s.verifying()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	s.waiting(0)
	release()
	<-stopped
	refused := 0
	for _, w := range busy {
		r, body := w.reply(codec.CommandLogin, 1)
		var e pb.Error
		if r == codec.ResultOverloaded {
			must(t, e.UnmarshalVT(body))
		}
		if strings.Contains(e.Message, "the server is stopping") {
			refused++
		}
	}
	if want := len(busy) - s.service.PasswordSlots(); refused != want {
		t.Errorf("%d were refused, want %d", refused, want)
	}
}

// TestWaitingLoginsKeepLittle: a login that waits does not keep a long history id, which names no
// history anyway.
func TestWaitingLoginsKeepLittle(t *testing.T) {
	s := start(t, setup{})
	release := s.holdPasswords()
	s.verifying()
	before := s.service.WaitingBytes()
	long := s.wire()
	request := guessOf(carol, password)
	request.ResumeFrom, request.HistoryId = 1, make([]byte, 60_000)
	long.send(codec.CommandLogin, 1, request)
	s.waiting(8 - s.service.PasswordSlots() + 1)
	if n := s.service.WaitingBytes() - before; n > 100 {
		t.Errorf("the login keeps %d bytes", n)
	}
	release()
	r, body := long.reply(codec.CommandLogin, 1)
	var reply pb.LoginReply
	must(t, reply.UnmarshalVT(body))
	if r != codec.ResultOK || reply.SnapshotReason != pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET {
		t.Errorf("%s, %s", r, reply.SnapshotReason)
	}
}

// TestLoginThatWaitsIsNotLate: a session whose password waits is not closed for its late
// login, unlike one that sends none.
func TestLoginThatWaitsIsNotLate(t *testing.T) {
	s := start(t, setup{limits: engine.Limits{LoginTime: 100 * time.Millisecond}})
	release := s.holdPasswords()
	waits := s.wire()
	waits.send(codec.CommandLogin, 1, guessOf(carol, password))
	idle := s.wire()
	idle.send(codec.CommandHeartbeat, 1, nil)
	eventually(t, "the idle session to be closed", func() bool { return s.core.Stats.Closes(engine.ReasonLoginTimeout) > 0 })
	release()
	if r, _ := waits.reply(codec.CommandLogin, 1); r != codec.ResultOK {
		t.Errorf("%s", r)
	}
}
