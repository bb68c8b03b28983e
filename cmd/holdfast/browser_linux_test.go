package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
)

// seen is what the page of testdata/browser saw.
type seen struct {
	Messages []json.RawMessage
	Closes   []pageClose
	Protocol, Extensions,
	Error string
}

// pageClose is a CloseEvent.
type pageClose struct {
	WasClean bool
	Code     int
	Reason   string
}

// servePage serves the page of testdata/browser, and returns its origin and what it posts.
func servePage(t *testing.T) (origin string, posted <-chan seen) {
	t.Helper()
	all := make(chan seen, 1)
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("testdata/browser")))
	mux.HandleFunc("POST /seen", func(_ http.ResponseWriter, r *http.Request) {
		var s seen
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			s.Error = err.Error()
		}
		all <- s
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, all
}

// openPage opens the page in a browser until the end of the test.
func openPage(t *testing.T, origin string, s *served, steps string) {
	t.Helper()
	dir := t.TempDir()
	query := url.Values{
		"url": {"ws://" + s.listener(t, "websocket") + "/ws"}, "steps": {steps},
		"customer": {fmt.Sprint(trader)}, "token": {base64.StdEncoding.EncodeToString(seed.DemoToken(trader))},
	}
	browser := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--user-data-dir="+dir, origin+"/page.html?"+query.Encode())
	browser.Env = append(os.Environ(), "HOME="+dir)
	out := newOutput()
	browser.Stdout, browser.Stderr = out, out
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	browser.WaitDelay = patience
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // a browser is several processes
		_ = browser.Wait()                                      // it was killed
		if t.Failed() {
			t.Log(out)
		}
	})
}

func await(t *testing.T, posted <-chan seen) seen {
	t.Helper()
	select {
	case s := <-posted:
		if s.Error != "" {
			t.Fatalf("%s\n%s", s.Error, s.Messages)
		}
		return s
	case <-time.After(patience):
		t.Fatal("the page posts nothing")
		return seen{}
	}
}

// TestBrowser: a page of an allowed origin logs in, trades and chats, and the browser takes
// every close for a clean one, with its code.
func TestBrowser(t *testing.T) {
	t.Parallel()
	needs(t, "chromium", "chromium")
	origin, posted := servePage(t)
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
		"--listener", "chat=127.0.0.1:0", "--listener", "websocket=127.0.0.1:0,origin="+origin,
		"--first-frame-time", "1m") // the chat client says nothing until the browser is there
	bare, packet := openChat(t, s), openStream(t, codec.Packet{}, s.addr)
	packet.login(trader)
	packet.must(codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN}, nil)
	openPage(t, origin, s, "trade,closes")

	var page chat.Frame
	for page.Type != chat.TypeMessage {
		var ok bool
		if page, ok = bare.next(); !ok {
			t.Fatal("chat: the connection has ended")
		}
	}
	bare.send(chat.Frame{Type: chat.TypeMessage, Text: "and goodbye"})
	want := []said{{page.Address + ":" + page.Port, "a page says é 日本"}, {bare.conn.LocalAddr().String(), "and goodbye"}}
	saw := await(t, posted)
	if saw.Protocol != "holdfast.v1.json" || saw.Extensions != "" {
		t.Errorf("subprotocol %q, extensions %q", saw.Protocol, saw.Extensions)
	}
	wantCloses := []pageClose{
		{true, 1000, "done"}, {true, 3001, "a code of an application"},
		{true, 1007, "not a message: it is not JSON"},
	}
	if !slices.Equal(saw.Closes, wantCloses) {
		t.Errorf("closes %+v, want %+v", saw.Closes, wantCloses)
	}
	d := saw.replay(t)
	if got := d.chat(2); page.Text != want[0].text || !slices.Equal(got, want) {
		t.Errorf("chat: the page saw %q, want %q", got, want)
	}
	var trades, sent, others []codec.Message
	for len(sent) < 2 { // the execution, the position
		if m := packet.push(); m.ID > 0 {
			sent = append(sent, m)
		} else {
			others = append(others, m) // who joins the chat
		}
	}
	packet.pushes = slices.Concat(others, packet.pushes)
	if got := packet.chat(2); !slices.Equal(got, want) {
		t.Errorf("chat: the packet session saw %q, want %q", got, want)
	}
	for m := range saw.replay(t).messages {
		if m.ID > 0 {
			trades = append(trades, m)
		}
	}
	if same(t, d, trades, sent); orderOf(t, sent[0]) != "from a page" {
		t.Errorf("order %q", orderOf(t, sent[0]))
	}
}

// replay returns a door at which the messages come that the page saw, without replies.
func (s seen) replay(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, name: "page", number: true, messages: make(chan codec.Message, len(s.Messages))}
	for _, text := range s.Messages {
		m, err := decodeJSON(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if m.Command.IsPush() {
			d.messages <- m
		}
	}
	close(d.messages)
	return d
}

// TestBrowserAtForeignOrigin: a page of an origin that is not allowed can't connect, though
// one of another port of this machine can.
func TestBrowserAtForeignOrigin(t *testing.T) {
	t.Parallel()
	needs(t, "chromium", "chromium")
	allowed, _ := servePage(t)
	foreign, posted := servePage(t)
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
		"--listener", "websocket=127.0.0.1:0,origin="+allowed)
	openPage(t, foreign, s, "refused")
	if saw := await(t, posted); !slices.Equal(saw.Closes, []pageClose{{false, 1006, ""}}) {
		t.Errorf("the page saw %+v", saw)
	}
	if metrics := get(t, "http://"+s.admin+"/metrics"); !strings.Contains(metrics, `holdfast_closes_total{reason="bad_handshake"} 1`+"\n") {
		t.Error("the server did not refuse the handshake")
	}
}
