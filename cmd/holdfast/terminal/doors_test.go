package terminal_test

import (
	"io"
	"strings"
	"testing"

	"holdfast/biz/client"
)

// TestClientOverWebSocket: trading, pushes, and what a client missed while the server was
// away.
func TestClientOverWebSocket(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serveDoors(t, "127.0.0.1:0", "127.0.0.1:0", data)
	addr := client.WebSocketAddress(first.more[0])
	r := startClient(t, addr, 100020, true)
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "connected to "+addr+", ")
	r.out.await(t, "(100020-1)\n  ALFA/600100: 100 shares")
	typed(t, first.addr, 100020, "buy 600100 50\n") // over TCP
	r.out.await(t, "* bought 50 ALFA/600100 @ 10.00 = 500.00 (100020-2)\n")
	first.stop()
	r.out.await(t, "the server closed the connection: ")
	r.out.await(t, "reconnecting\n")

	elsewhere := serve(t, "127.0.0.1:0", data)
	typed(t, elsewhere.addr, 100020, "buy 600100 7\n")
	elsewhere.stop()
	serveDoors(t, first.more[0], "127.0.0.1:0", data)
	r.out.await(t, "missed pushes follow\n* bought 7 ALFA/600100 @ 10.00 = 70.00 (100020-3)\n")
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}

// TestChatWithAServer: chats and trading clients are in one room.
func TestChatWithAServer(t *testing.T) {
	t.Parallel()
	s := serveDoors(t, "127.0.0.1:0", "127.0.0.1:0", t.TempDir())
	trader := startClient(t, client.WebSocketAddress(s.more[0]), 100020, false)
	trader.out.await(t, "realised profit")
	io.WriteString(trader.in, "chat from a trader\n")
	trader.out.await(t, "): from a trader\n")

	talker := startChatting(t, s.more[1], false)
	talker.out.await(t, " from a trader\n")
	io.WriteString(talker.in, "from a chat\n/who\n")
	trader.out.await(t, " joined the common room\n")
	trader.out.await(t, ": from a chat\n")
	talker.out.await(t, "  2 here\n")
	stdout, err := piped(t, s.more[1], "from a pipe 你好\n", false)
	if err != nil || !strings.Contains(stdout, " from a chat\n") || !strings.HasSuffix(stdout, " from a pipe 你好\n") {
		t.Errorf("%v:\n%s", err, stdout)
	}
	talker.out.await(t, " from a pipe 你好\n")
	talker.out.await(t, " left\n")
	s.stop()
	talker.out.await(t, "server: ")
	talker.in.Close()
	if err := <-talker.ends; err == nil {
		t.Error("the chat ends without an error")
	}
}
