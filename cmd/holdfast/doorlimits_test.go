package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
	holdfastws "holdfast/codec/websocket"
)

// TestSessionsPerAccountAtAllDoors: sessions of an account count together, at whichever door
// they are.
func TestSessionsPerAccountAtAllDoors(t *testing.T) {
	t.Parallel()
	const most = 3
	s := serveDoors(t, "--sessions-per-account", fmt.Sprint(most))
	for late := range entrances() { // each is the one too many once
		all := openAll(t, s)
		last := all[late]
		all[late], all[most] = all[most], last
		for _, d := range all[:most] {
			d.login(trader)
		}
		for _, d := range all[:most] {
			r, b := last.ask(codec.CommandLogin, tokenLogin(trader))
			var e pb.Error
			if err := e.UnmarshalVT(b); err != nil || r != codec.ResultOverloaded || !strings.Contains(e.Message, "too many sessions of this customer (limit 3:") {
				t.Errorf("%s beside the others: %s %q, %v", last.name, r, e.Message, err)
			}
			d.must(codec.CommandLogout, nil, nil)
			last.login(trader)
			last.must(codec.CommandLogout, nil, nil)
			d.login(trader)
		}
		for _, d := range all[:most] {
			d.must(codec.CommandLogout, nil, nil)
		}
	}
}

// TestConnectionsAtAllDoors: the connections of an address, and all connections, count
// together, at whichever door they are. Each door says in its way why it refuses one more,
// and takes one after another has closed.
func TestConnectionsAtAllDoors(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		args   []string
		notice pb.NoticeCode
		status int
		text   string
	}{
		{
			"of an address", []string{"--exempt-loopback=false", "--connections-per-address", "5"},
			pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS, http.StatusTooManyRequests, "too many connections from your address",
		},
		{
			"of all", []string{"--max-connections", "5"},
			pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS, http.StatusServiceUnavailable, "too many connections",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := serveDoors(t, tc.args...)
			all := openAll(t, s)
			for _, d := range all {
				d.must(codec.CommandSubmit, nil, nil) // the server has opened the session
			}
			bare := openChat(t, s)
			bare.send(chat.Frame{Type: chat.TypeWho})
			bare.next()

			for _, e := range entrances()[:2] {
				d := e.open(t, s)
				m, _ := d.next()
				var n pb.Notice
				err := n.UnmarshalVT(m.Body)
				if _, more := d.next(); err != nil || m.Command != codec.PushNotice || n.Code != tc.notice || !strings.Contains(n.Text, tc.text) || more {
					t.Errorf("%s: %s %v, %v", e.name, m.Command, &n, err)
				}
			}
			refused := openChat(t, s)
			f, _ := refused.next()
			if _, more := refused.next(); f.Type != chat.TypeError || !strings.Contains(f.Text, tc.text) || more {
				t.Errorf("chat: %+v", f)
			}
			status, text := knock(t, s)
			if status != tc.status || !strings.Contains(text, tc.text) {
				t.Errorf("websocket: %d %q", status, text)
			}
			for i, e := range entrances() { // the place of each door is free for the next one
				all[i].close()
				other := entrances()[(i+1)%len(all)]
				if all[i] = openWhenPossible(t, s, other); all[i] == nil {
					t.Errorf("no place for %s after %s has closed", other.name, e.name)
				}
			}
		})
	}
}

// knock sends the handshake of a WebSocket connection and returns the answer.
func knock(t *testing.T, s *served) (status int, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener(t, "websocket"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(holdfastws.AppendClientHandshake(nil, "127.0.0.1", "/ws", "dGhlIHNhbXBsZSBub25jZQ==", "")) // the answer may be there already
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// openWhenPossible opens a door as soon as the server takes it: it learns of a close a moment
// later than the client. It returns nil if it never does.
func openWhenPossible(t *testing.T, s *served, e entrance) (d *door) {
	t.Helper()
	eventually(func() bool {
		if e.name == "binary" || e.name == "JSON" {
			c, _, err := dialWeb(t.Context(), "ws://"+s.listener(t, "websocket")+"/ws")
			if err != nil {
				return false
			}
			d = &door{close: func() { _ = c.CloseNow() }}
			t.Cleanup(d.close)
			return true
		}
		tried := e.open(t, s)
		if tried.write(codec.CommandSubmit, 1, nil) == nil {
			if m, ok := tried.next(); ok && m.Command == codec.CommandSubmit.Reply() {
				d = tried
				return true
			}
		}
		tried.close()
		return false
	})
	return d
}

// TestGuessesAtAllDoors: after a wrong password at one door the next one is delayed at
// another.
func TestGuessesAtAllDoors(t *testing.T) {
	t.Parallel()
	s := serveDoors(t, "--password-guesses", "1")
	all := entrances()
	for n := range all {
		first, second := all[n].open(t, s), all[(n+1)%len(all)].open(t, s)
		guess := &pb.LoginRequest{Customer: trader + uint32(n), Credential: &pb.LoginRequest_Password{Password: "guess"}}
		if r, _ := first.ask(codec.CommandLogin, guess); r != codec.ResultUnauthenticated {
			t.Errorf("%s: %s", first.name, r)
		}
		second.send(codec.CommandLogin, guess)
		want := fmt.Sprint("holdfast_password_guesses_delayed_total ", n+1, "\n")
		if !eventually(func() bool { return strings.Contains(get(t, "http://"+s.admin+"/metrics"), want) }) {
			t.Fatalf("%s: the guess was not delayed after one at %s", second.name, first.name)
		}
	}
}

// eventually reports whether holds becomes true.
func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if holds() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}
