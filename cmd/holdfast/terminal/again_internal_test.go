package terminal

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// notice is a Notice push of a server that closes the connection next.
func notice(code pb.NoticeCode, text string) []byte {
	return codec.AppendRequest(nil, codec.PushNotice, 0, &pb.Notice{Code: code, Text: text})
}

// TestLoginTriesAgain: a server without a free place, and then without time for the
// password, does not end the client.
func TestLoginTriesAgain(t *testing.T) {
	var logins atomic.Int32
	addr := answering(t, func(n int, m codec.Message) []byte {
		switch {
		case n == 0:
			return notice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS, "full")
		case m.Command == codec.CommandLogin && logins.Add(1) < 3:
			return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOverloaded, &pb.Error{Message: "busy"})
		case m.Command == codec.CommandConn:
			return answerOK(m, &pb.ConnReply{})
		case m.Command == codec.CommandLogin:
			return answerOK(m, &pb.LoginReply{Account: &pb.Account{Customer: 5}})
		}
		return answerOK(m, nil)
	})
	var out strings.Builder
	err := Run(t.Context(), Options{
		Addr: addr, Customer: 5, Credential: client.Password("x"), Stdin: strings.NewReader(""), Stdout: &out, Style: NewStyle(false),
	})
	if err != nil || !strings.Contains(out.String(), "account 5") || logins.Load() != 3 {
		t.Errorf("%v after %d logins:\n%s", err, logins.Load(), &out)
	}
}

// TestJSONForgetsEarlierAttempts: what a connection pushed that ended before the login is
// not shown as if it came over the next one.
func TestJSONForgetsEarlierAttempts(t *testing.T) {
	t.Parallel()
	addr := answering(t, func(n int, m codec.Message) []byte {
		switch {
		case n == 0:
			return notice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS, "full")
		case m.Command == codec.CommandConn:
			return answerOK(m, &pb.ConnReply{})
		case m.Command == codec.CommandLogin:
			return answerOK(m, &pb.LoginReply{Account: &pb.Account{Customer: 5}})
		}
		return answerOK(m, nil)
	})
	var out strings.Builder
	err := Run(t.Context(), Options{
		Addr: addr, Customer: 5, Credential: client.Password("x"), Stdin: strings.NewReader(""), Stdout: &out, Style: NewStyle(false), JSON: true,
	})
	if err != nil || !strings.Contains(out.String(), `"event":"account"`) || strings.Contains(out.String(), "full") {
		t.Errorf("%v:\n%s", err, &out)
	}
}

// TestTooManyLatePushes: a server that pushes without end before the account comes does not
// fill the memory, and the client says that pushes are missing.
func TestTooManyLatePushes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	sh := &shell{json: true, starting: true, style: NewStyle(false), screen: plainScreen(strings.NewReader(""), &out, func() {}, func() {})}
	for range 20 {
		sh.pushed(client.Push{Event: client.Notice{Text: strings.Repeat("x", 1<<20)}})
	}
	if got := len(sh.again.late); got > maxLate {
		t.Errorf("%d bytes wait", got)
	}
	sh.mu.Lock()
	sh.showLate()
	sh.mu.Unlock()
	shown, want := out.String(), `{"event":"break","message":"5 more pushes came here and are not shown: they were too many"}`+"\n"
	if strings.Count(shown, `"event":"push"`) != 15 || !strings.HasSuffix(shown, want) {
		t.Errorf("ends with %q", shown[max(0, len(shown)-100):])
	}
}

// TestLongLoginSaysSo: a login that takes long says so, and goes on.
func TestLongLoginSaysSo(t *testing.T) {
	t.Parallel()
	shown := make(chan string, 1)
	addr := answering(t, func(_ int, m codec.Message) []byte {
		switch m.Command {
		case codec.CommandConn:
			return answerOK(m, &pb.ConnReply{})
		case codec.CommandLogin:
			if text := <-shown; !strings.Contains(text, "to let customer 5 in") {
				t.Errorf("shown: %q", text)
			}
			return answerOK(m, &pb.LoginReply{Account: &pb.Account{Customer: 5}})
		}
		return answerOK(m, nil)
	})
	c, err := Login(t.Context(), Options{Addr: addr, Customer: 5, Credential: client.Password("x"), Stderr: lineWriter(shown)})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close() // always nil
}

// lineWriter sends each text that is written to it.
type lineWriter chan string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

// TestWrongPasswordIsFinal: the client does not try again.
func TestWrongPasswordIsFinal(t *testing.T) {
	var logins atomic.Int32
	addr := answering(t, func(_ int, m codec.Message) []byte {
		if m.Command == codec.CommandLogin {
			logins.Add(1)
			return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultUnauthenticated, &pb.Error{Message: "no match"})
		}
		return answerOK(m, &pb.ConnReply{})
	})
	_, err := Login(t.Context(), Options{Addr: addr, Customer: 5, Credential: client.Password("x")})
	if !errors.Is(err, client.ErrUnauthenticated) || logins.Load() != 1 || !strings.HasPrefix(err.Error(), "log in as 5: no match: check ") {
		t.Errorf("%v after %d logins", err, logins.Load())
	}
}

// TestRevokedIsFinal: a client whose credential is revoked ends with that explanation, also
// if it would reconnect after a lost connection.
func TestRevokedIsFinal(t *testing.T) {
	var conns atomic.Int32
	addr := answering(t, func(n int, m codec.Message) []byte {
		conns.Store(int32(n + 1))
		switch m.Command {
		case codec.CommandConn:
			return answerOK(m, &pb.ConnReply{})
		case codec.CommandLogin:
			return answerOK(m, &pb.LoginReply{Account: &pb.Account{Customer: 5}})
		case codec.CommandPositions:
			return notice(pb.NoticeCode_NOTICE_CODE_REVOKED, "the credential of this login was revoked")
		case codec.CommandHeartbeat:
			return nil
		}
		return answerOK(m, nil)
	})
	in, lines, err := os.Pipe() // a file: a client that ends stops waiting for its lines
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	defer in.Close()
	ended := make(chan error, 1)
	again := true
	go func() {
		ended <- Run(t.Context(), Options{
			Addr: addr, Customer: 5, Credential: client.Password("x"), Stdin: in, Stdout: io.Discard, Style: NewStyle(false), Reconnect: &again,
		})
	}()
	lines.WriteString("holding\n")
	err = <-ended
	var closed *client.NoticeError
	if !errors.As(err, &closed) || closed.Notice.Code != client.NoticeRevoked || !strings.Contains(err.Error(), "was revoked (REVOKED): log in with") {
		t.Errorf("got %v", err)
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections", conns.Load())
	}
}
