package holdfast_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine/carriertest"
)

// TestReadmeDialect runs the server of docs/engine.md with the dialect that the README shows.
func TestReadmeDialect(t *testing.T) {
	t.Parallel()
	s := startDialectServer(t, readReadme(t), "Line{}")
	p := carriertest.Dial(t, s.addr)
	p.MustWrite([]byte("hello\n\nhal"))
	expectBytes(t, p, "SubmitReply OK\nSubmitReply OK\n")
	p.MustWrite([]byte("f a line\n")) // the rest of the third request
	expectBytes(t, p, "SubmitReply OK\n")
	s.enter(t, "closing at noon")
	expectBytes(t, p, "ChatMessage\n")
	const most = 4 << 10
	p.MustWrite([]byte(strings.Repeat("x", most-1) + "\n"))
	expectBytes(t, p, "SubmitReply OK\n")
	p.MustWrite([]byte(strings.Repeat("x", most) + "\n")) // too long
	expectBytes(t, p, "Notice\n")
	s.interrupt(t)
	s.wait(t)
}

// TestReadmeDialectIsShort: the README's only Go block is that dialect, in at most 20 lines.
func TestReadmeDialectIsShort(t *testing.T) {
	readme := readReadme(t)
	if n := strings.Count(readme, "```go"); n != 1 {
		t.Errorf("the README has %d Go blocks; the test above runs one", n)
	}
	lines := 0
	for line := range strings.Lines(goBlock(t, readme, "dialect")) {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	if lines > 20 {
		t.Errorf("the dialect has %d lines", lines)
	}
}

// TestReadmeBrowser: the README's five lines for a browser ask for the subprotocol and path
// that there are, and send a request that the server decodes.
func TestReadmeBrowser(t *testing.T) {
	_, script, _ := strings.Cut(readReadme(t), "```js\n")
	script, _, _ = strings.Cut(script, "```")
	if n := strings.Count(script, "\n"); n != 5 {
		t.Errorf("the script has %d lines", n)
	}
	if connect := `new WebSocket("ws://127.0.0.1:8891/ws", "` + websocket.SubprotocolJSON + `")`; !strings.Contains(script, connect) {
		t.Errorf("the script has no %s", connect)
	}
	found := regexp.MustCompile(`(?m)^const login = (.*)$`).FindStringSubmatch(script)
	if found == nil {
		t.Fatal("the script has no login")
	}
	text := regexp.MustCompile(`\w+:`).ReplaceAllStringFunc(found[1], func(name string) string {
		return strconv.Quote(strings.TrimSuffix(name, ":")) + ":" // JSON wants names in quotes
	})
	m, _, err := codec.Decode(websocket.JSON{}, withTotal([]byte(text)), codec.DefaultMaxFrame)
	var login pb.LoginRequest
	if err != nil || m.Command != codec.CommandLogin || login.UnmarshalVT(m.Body) != nil {
		t.Fatalf("%s: %v, %v", text, m.Command, err)
	}
	if login.Customer != customer || login.GetPassword() != seed.DemoPassword {
		t.Errorf("the script logs in with %v", &login)
	}
}

func readReadme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
