package terminal_test

import (
	"io"
	"strings"
	"testing"
)

// TestRooms: the chat commands of the trading client.
func TestRooms(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, trades)
	r := startClient(t, s.addr, 100020, false)
	r.out.await(t, "realised profit")
	steps := []struct{ typed, want string }{
		{"chat  hello,   you \n", "* 100020 (127.0.0.1:4000): hello,   you\n"},
		{"CHAT 你好\n", "* 100020 (127.0.0.1:4000): 你好\n"},
		{"say metals  good \tmorning\n", "* 100020 (127.0.0.1:4000) in metals: good \\tmorning\n"},
		{"say closed x\n", "error: this room is closed: use a login that may do it; an operator may do everything\n"},
		{"join metals\n", "* unix joined metals\n"},
		{"join\n", "* unix joined the common room\n"},
		{"leave\n", "* 100030 (127.0.0.1:4002) left the common room\n"},
		{"who metals\n", "  100020 (127.0.0.1:4000)\n  [::1]:4001\n  2000 in the room; the first 2 are shown\n"},
		{"chat a\xffb\n", "error: the message is not UTF-8\n"},
		{"chat\n", "error: usage: chat TEXT\n"},
		{"say metals\n", "error: usage: say ROOM TEXT\n"},
		{"join a b\n", "error: usage: join [ROOM]\n"},
		{"leave a b\n", "error: usage: leave [ROOM]\n"},
		{"who a b\n", "error: usage: who [ROOM]\n"},
	}
	for _, step := range steps {
		io.WriteString(r.in, step.typed)
		r.out.await(t, step.want)
	}
	r.in.Close()
	<-r.ends
}

// TestRoomsAfterReconnect: the client joins its rooms again, and shows what it missed, once.
func TestRoomsAfterReconnect(t *testing.T) {
	t.Parallel()
	s := newFakeServer(t, trades)
	r := startClient(t, s.addr, 100020, true)
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "chat first\nchat end it\n")
	r.out.await(t, "reconnected, session 7;")
	r.out.await(t, "unix joined the common room\n") // after the earlier messages
	for _, text := range []string{"first\n", "end it\n"} {
		if n := strings.Count(r.out.String(), "(127.0.0.1:4000): "+text); n != 1 {
			t.Errorf("%q is shown %d times:\n%s", text, n, r.out)
		}
	}
	other := startClient(t, s.addr, 100020, false)
	other.out.await(t, "realised profit")
	io.WriteString(other.in, "join\n")
	other.out.await(t, " 100020 (127.0.0.1:4000): first\n") // with its time
	if strings.Contains(other.out.String(), "* 100020") {
		t.Errorf("an earlier message has no time:\n%s", other.out)
	}
}
