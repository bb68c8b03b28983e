package websocket_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"holdfast/codec/websocket"
)

// The example of RFC 6455 section 1.3.
const (
	rfcKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	rfcAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// good are the header lines of a handshake.
var good = []string{
	"Host: server.example.com:8889", "Upgrade: websocket", "Connection: Upgrade",
	"Sec-WebSocket-Key: " + rfcKey, "Sec-WebSocket-Version: 13",
}

// options are those of holdfast.
var options = websocket.HandshakeOptions{
	Subprotocols: []string{websocket.SubprotocolPacket, websocket.SubprotocolJSON},
	Origins:      []string{"https://app.example.com"},
	Paths:        []string{"/ws"},
}

// handshake returns a good handshake in which lines replace those with the same name; "-Name"
// removes a line, "+Name: value" adds one.
func handshake(lines ...string) string { return request("GET /ws HTTP/1.1", lines...) }

func request(line string, lines ...string) string {
	header := append([]string(nil), good...)
	for _, change := range lines {
		name, _, _ := strings.Cut(strings.TrimLeft(change, "-+"), ":")
		at := -1
		for i, l := range header {
			if strings.HasPrefix(l, name+":") {
				at = i
			}
		}
		switch {
		case change[0] == '-':
			header[at] = "X-Removed: it"
		case change[0] == '+' || at < 0:
			header = append(header, strings.TrimPrefix(change, "+"))
		default:
			header[at] = change
		}
	}
	return line + "\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n"
}

func TestAccept(t *testing.T) {
	tests := []struct {
		name   string
		header string
		want   websocket.Upgrade // without Response
	}{
		{"plain", handshake(), websocket.Upgrade{}},
		{"names and values in any case", handshake("-Upgrade", "uPGRADE: WebSocket", "-Connection", "CONNECTION: uPGRADE"), websocket.Upgrade{}},
		{"no spaces", handshake("Upgrade:websocket", "Host:server.example.com:8889"), websocket.Upgrade{}},
		{"more space", handshake("Upgrade: \t websocket \t "), websocket.Upgrade{}},
		{"Connection is a list", handshake("Connection: keep-alive, Upgrade"), websocket.Upgrade{}},
		{"Connection twice", handshake("Connection: keep-alive", "+Connection: Upgrade"), websocket.Upgrade{}},
		{"Upgrade is a list", handshake("Upgrade: foo/2, websocket"), websocket.Upgrade{}},
		{"no body", handshake("Content-Length: 0"), websocket.Upgrade{}},
		{"query", request("GET /ws?token=a/b://c HTTP/1.1"), websocket.Upgrade{}},
		{"empty query", request("GET /ws? HTTP/1.1"), websocket.Upgrade{}},
		{"absolute target", request("GET http://other.example.com/ws?x HTTP/1.1"), websocket.Upgrade{Host: "other.example.com"}},
		{"absolute target of WebSocket", request("GET WSS://other.example.com:1/ws HTTP/1.1"), websocket.Upgrade{Host: "other.example.com:1"}},
		{"IPv6", handshake("Host: [::1]:8889"), websocket.Upgrade{Host: "[::1]:8889"}},
		{"extensions are ignored", handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"), websocket.Upgrade{}},
		{"other headers", handshake("User-Agent: Mozilla/5.0 (X11; Linux) Gecko", "Cookie: a=\xe4; b", "X-Empty:"), websocket.Upgrade{}},
		{"same origin", handshake("Origin: http://server.example.com:8889"), websocket.Upgrade{Origin: "http://server.example.com:8889"}},
		{"same origin behind TLS", handshake("Origin: https://Server.example.com:8889"), websocket.Upgrade{Origin: "https://Server.example.com:8889"}},
		{"allowed origin", handshake("Origin: https://app.example.com"), websocket.Upgrade{Origin: "https://app.example.com"}},
		{"subprotocol", handshake("Sec-WebSocket-Protocol: holdfast.v1.json"), websocket.Upgrade{Subprotocol: websocket.SubprotocolJSON}},
		{"the client's first", handshake("Sec-WebSocket-Protocol: holdfast.v1.json, holdfast.v1.packet"), websocket.Upgrade{Subprotocol: websocket.SubprotocolJSON}},
		{"the first of ours", handshake("Sec-WebSocket-Protocol: chat,holdfast.v1.packet"), websocket.Upgrade{Subprotocol: websocket.SubprotocolPacket}},
		{"on two lines", handshake("Sec-WebSocket-Protocol: chat", "+Sec-WebSocket-Protocol: holdfast.v1.json"), websocket.Upgrade{Subprotocol: websocket.SubprotocolJSON}},
		{"none of ours", handshake("Sec-WebSocket-Protocol: chat, Holdfast.v1.json"), websocket.Upgrade{}},
		{"the client of this package", string(websocket.AppendClientHandshake(nil, "server.example.com:8889", "/ws", rfcKey, websocket.SubprotocolJSON)), websocket.Upgrade{Subprotocol: websocket.SubprotocolJSON}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := websocket.Accept([]byte(tt.header), options)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want.Host == "" {
				tt.want.Host = "server.example.com:8889"
			}
			if u.Path != "/ws" || u.Host != tt.want.Host || u.Origin != tt.want.Origin || u.Subprotocol != tt.want.Subprotocol {
				t.Errorf("got %+v, want %+v", u, tt.want)
			}
			protocol := ""
			if u.Subprotocol != "" {
				protocol = "Sec-WebSocket-Protocol: " + u.Subprotocol + "\r\n"
			}
			if want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: " + rfcAccept + "\r\n" + protocol + "\r\n"; string(u.Response) != want {
				t.Errorf("answered %q, want %q", u.Response, want)
			}
		})
	}
}

func TestAcceptRefuses(t *testing.T) {
	tests := []struct {
		name   string
		header string
		status int
	}{
		{"no Host", handshake("-Host"), 400},
		{"empty Host", handshake("Host: "), 400},
		{"Host twice", handshake("+Host: server.example.com:8889"), 400},
		{"Host with a path", handshake("Host: server/x"), 400},
		{"Host with a user", handshake("Host: a@server"), 400},
		{"Host with a space", handshake("Host: a b"), 400},
		{"no Upgrade", handshake("-Upgrade"), 426},
		{"another Upgrade", handshake("Upgrade: h2c"), 426},
		{"Upgrade that only looks so", handshake("Upgrade: websoc\u212aet"), 426},
		{"Upgrade that contains it", handshake("Upgrade: websockets"), 426},
		{"Upgrade twice", handshake("+Upgrade: websocket"), 400},
		{"no Connection", handshake("-Connection"), 400},
		{"another Connection", handshake("Connection: keep-alive"), 400},
		{"no version", handshake("-Sec-WebSocket-Version"), 426},
		{"version 8", handshake("Sec-WebSocket-Version: 8"), 426},
		{"version 013", handshake("Sec-WebSocket-Version: 013"), 426},
		{"version twice", handshake("+Sec-WebSocket-Version: 13"), 400},
		{"no key", handshake("-Sec-WebSocket-Key"), 400},
		{"key twice", handshake("+Sec-WebSocket-Key: " + rfcKey), 400},
		{"empty key", handshake("Sec-WebSocket-Key:"), 400},
		{"key of 15 bytes", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400},
		{"key of 17 bytes", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400},
		{"key without padding", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA"), 400},
		{"key that is not base64", handshake("Sec-WebSocket-Key: ______________________=="), 400},
		{"key that is long", handshake("Sec-WebSocket-Key: " + strings.Repeat("A", 4096)), 400},
		{"Origin twice", handshake("Origin: https://app.example.com", "+Origin: https://app.example.com"), 400},
		{"another origin", handshake("Origin: https://evil.example.com"), 403},
		{"the host on another port", handshake("Origin: http://server.example.com"), 403},
		{"no web page", handshake("Origin: null"), 403},
		{"an extension with our host as its name", handshake("Origin: chrome-extension://server.example.com:8889"), 403},
		{"an allowed origin with something after it", handshake("Origin: https://app.example.com.evil.com"), 403},
		{"POST", request("POST /ws HTTP/1.1"), 405},
		{"HEAD", request("HEAD /ws HTTP/1.1"), 405},
		{"get", request("get /ws HTTP/1.1"), 405},
		{"another path", request("GET /other HTTP/1.1"), 404},
		{"a path with a slash after it", request("GET /ws/ HTTP/1.1"), 404},
		{"an encoded path", request("GET /w%73 HTTP/1.1"), 404},
		{"an absolute target without a path", request("GET http://server HTTP/1.1"), 404},
		{"an absolute target without a host", request("GET http:///ws HTTP/1.1"), 400},
		{"an absolute target with a user", request("GET http://a@server/ws HTTP/1.1"), 400},
		{"an absolute target of another scheme", request("GET ftp://server/ws HTTP/1.1"), 400},
		{"a file", request("GET file:///ws HTTP/1.1"), 400},
		{"asterisk", request("GET * HTTP/1.1"), 400},
		{"only a query", request("GET ?x HTTP/1.1"), 400},
		{"fragment", request("GET /ws#x HTTP/1.1"), 400},
		{"HTTP/1.0", request("GET /ws HTTP/1.0"), 505},
		{"HTTP/2.0", request("GET /ws HTTP/2.0"), 505},
		{"HTTP/0.9", request("GET /ws"), 400},
		{"a version of more digits", request("GET /ws HTTP/1.11"), 400},
		{"lower-case protocol", request("GET /ws http/1.1"), 400},
		{"two spaces", request("GET  /ws HTTP/1.1"), 400},
		{"a space at the end", request("GET /ws HTTP/1.1 "), 400},
		{"a tab", request("GET\t/ws HTTP/1.1"), 400},
		{"a control character in the target", request("GET /ws\x01 HTTP/1.1"), 400},
		{"a target that is not ASCII", request("GET /ws\xe4 HTTP/1.1"), 400},
		{"no method", request(" /ws HTTP/1.1"), 400},
		{"an empty line first", "\r\n" + handshake(), 400},
		{"nothing", "\r\n\r\n", 400},
		{"a body", handshake("Content-Length: 5"), 400},
		{"a length that is missing", handshake("Content-Length:"), 400},
		{"a length of +0", handshake("Content-Length: +0"), 400},
		{"length twice", handshake("Content-Length: 0", "+Content-Length: 0"), 400},
		{"a chunked body", handshake("Transfer-Encoding: chunked"), 400},
		{"folded line", handshake("X-Folded: a\r\n b"), 400},
		{"folded line at the start", "GET /ws HTTP/1.1\r\n " + strings.Join(good, "\r\n") + "\r\n\r\n", 400},
		{"space before the colon", handshake("X-Space : a"), 400},
		{"no colon", handshake("+X-Nothing"), 400},
		{"no name", handshake("+: value"), 400},
		{"a name that is not ASCII", handshake("+X-\xe4: value"), 400},
		{"a control character", handshake("X-Control: a\x00b"), 400},
		{"DEL", handshake("X-Control: a\x7fb"), 400},
		{"bare carriage return", handshake("X-Return: a\rSec-WebSocket-Key: b"), 400},
		{"bare line feed in a value", handshake("X-Feed: a\nX-Other: b"), 400},
		{"bare line feeds", strings.ReplaceAll(handshake(), "\r", ""), 400},
		{"something after it", handshake() + "x", 400},
		{"a second header", handshake() + handshake(), 400},
		{"no end", strings.TrimSuffix(handshake(), "\r\n"), 400},
		{"a list of subprotocols that is none", handshake("Sec-WebSocket-Protocol: a b"), 400},
		{"an empty subprotocol", handshake("Sec-WebSocket-Protocol: holdfast.v1.json,,"), 400},
		{"too large", handshake("X-Large: " + strings.Repeat("x", websocket.MaxHandshake)), 431},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := websocket.Accept([]byte(tt.header), options)
			var refused *websocket.HandshakeError
			if !errors.As(err, &refused) || u.Response != nil {
				t.Fatalf("got %+v, %v", u, err)
			}
			if refused.Status != tt.status || refused.Text == "" || !strings.Contains(err.Error(), refused.Text) {
				t.Errorf("got %v, want status %d", err, tt.status)
			}
			checkAnswer(t, websocket.AppendHTTPError(nil, refused.Status, refused.Text), refused.Status, refused.Text)
		})
	}
}

// checkAnswer reads an answer of AppendHTTPError as an HTTP client does.
func checkAnswer(t *testing.T, answer []byte, status int, text string) {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(answer))
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil || string(body) != text+"\n" || in.Buffered() != 0 {
		t.Errorf("body %q, %v, %d bytes after it", body, err, in.Buffered())
	}
	h := response.Header
	if response.Proto != "HTTP/1.1" || response.StatusCode != status || !response.Close || h.Get("Content-Type") != "text/plain; charset=utf-8" ||
		(status == 426) != (h.Get("Sec-WebSocket-Version") == "13" && h.Get("Upgrade") == "websocket") ||
		(status == 426) != strings.Contains(string(answer), "\r\nConnection: close, Upgrade\r\n") ||
		(status == 405) != (h.Get("Allow") == "GET") {
		t.Errorf("%s, %v", response.Status, h)
	}
}

func TestAppendHTTPError(t *testing.T) {
	for _, status := range []int{400, 403, 404, 405, 408, 426, 429, 431, 500, 503, 505, 418} {
		answer := websocket.AppendHTTPError([]byte("before"), status, "why")
		line, _, _ := strings.Cut(string(answer[len("before"):]), "\r\n")
		if want := http.StatusText(status); status != 418 && !strings.HasSuffix(line, " "+want) {
			t.Errorf("%q, want %s", line, want)
		}
		checkAnswer(t, answer[len("before"):], status, "why")
	}
}

// A person who opens the address in a browser reads what to do, whatever the path.
func TestPlainRequestIsAnsweredWithAPage(t *testing.T) {
	for _, line := range []string{"GET / HTTP/1.1", "GET /ws HTTP/1.1"} {
		_, err := websocket.Accept([]byte(line+"\r\nHost: localhost:8889\r\nConnection: keep-alive\r\n\r\n"), options)
		var refused *websocket.HandshakeError
		if !errors.As(err, &refused) || refused.Status != 426 {
			t.Fatal(err)
		}
		for _, want := range []string{"WebSocket", "/ws", websocket.SubprotocolJSON, websocket.SubprotocolPacket} {
			if !strings.Contains(refused.Text, want) || strings.Contains(refused.Text, "\n") {
				t.Errorf("%q does not say %s, or has several lines", refused.Text, want)
			}
		}
	}
}

// Who runs a proxy that removes the Upgrade header reads so.
func TestHandshakeWithoutUpgradeNamesTheProxy(t *testing.T) {
	if _, err := websocket.Accept([]byte(handshake("-Upgrade")), options); err == nil || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("got %v", err)
	}
}

func TestAcceptWithOtherOptions(t *testing.T) {
	origin := handshake("Origin: https://evil.example.com")
	if _, err := websocket.Accept([]byte(origin), websocket.HandshakeOptions{Origins: []string{"*"}}); err != nil {
		t.Error("* does not allow all origins:", err)
	}
	if _, err := websocket.Accept([]byte(origin), websocket.HandshakeOptions{}); err == nil {
		t.Error("another origin is allowed without a setting")
	}
	u, err := websocket.Accept([]byte(request("GET /any HTTP/1.1", "Sec-WebSocket-Protocol: chat")), websocket.HandshakeOptions{})
	if err != nil || u.Path != "/any" || u.Subprotocol != "" {
		t.Errorf("without options: %+v, %v", u, err)
	}
}

// A browser leaves out the port that the scheme implies; a proxy's Host or a setting may have it.
func TestOriginWithDefaultPort(t *testing.T) {
	o := websocket.HandshakeOptions{Origins: []string{"https://app.example.com:443", "http://plain.example.com:80"}}
	for _, tt := range []struct {
		host, origin string
		allowed      bool
	}{
		{"server.example.com:443", "https://server.example.com", true},
		{"server.example.com:80", "http://server.example.com", true},
		{"server.example.com", "https://server.example.com:443", true},
		{"server.example.com", "HTTP://Server.example.com:80", true},
		{"server.example.com", "https://app.example.com", true},
		{"server.example.com", "http://plain.example.com", true},
		{"[::1]:80", "http://[::1]", true},
		{"server.example.com:443", "http://server.example.com", false},
		{"server.example.com:80", "https://server.example.com", false},
		{"server.example.com", "http://app.example.com", false},
		{"server.example.com", "http://server.example.com:8080", false},
	} {
		_, err := websocket.Accept([]byte(handshake("Host: "+tt.host, "Origin: "+tt.origin)), o)
		if (err == nil) != tt.allowed {
			t.Errorf("%s from %s: %v", tt.host, tt.origin, err)
		}
	}
}

// The length is found at each end of a piece, with a look from where the last one ended.
func TestHeaderLen(t *testing.T) {
	tests := []struct {
		name, b string
		want    int
	}{
		{"nothing", "", 0},
		{"no end", "GET / HTTP/1.1\r\nHost: a\r\n", 0},
		{"half an end", "GET / HTTP/1.1\r\nHost: a\r\n\r", 0},
		{"end", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27},
		{"a frame after it", "GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x80\n\n", 27},
		{"line feeds alone", "GET / HTTP/1.1\n\n", 16},
		{"a mix", "GET / HTTP/1.1\n\r\n", 17},
		{"returns alone", "GET / HTTP/1.1\r\r\r\r", 0},
	}
	for _, tt := range tests {
		if got := websocket.HeaderLen([]byte(tt.b), 0); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		for from := range len(tt.b) {
			got := websocket.HeaderLen([]byte(tt.b), from)
			if early := websocket.HeaderLen([]byte(tt.b[:from]), 0); early == 0 && got != tt.want || early != 0 && early != tt.want {
				t.Errorf("%s: %d, then %d, want %d", tt.name, early, got, tt.want)
			}
		}
	}
}

func TestAcceptKey(t *testing.T) {
	if got := websocket.AcceptKey(rfcKey); got != rfcAccept {
		t.Errorf("got %s, want %s", got, rfcAccept)
	}
}

// Pages at one more port of the server's host may connect, if the scheme is right, too.
func TestOriginOfPage(t *testing.T) {
	for _, tt := range []struct {
		page, host, origin string
		allowed            bool
	}{
		{"http://:8880", "server.example.com:8891", "http://server.example.com:8880", true},
		{"http://:8880", "Server.example.com", "HTTP://server.EXAMPLE.com:8880", true},
		{"http://:8880", "[::1]:8891", "http://[::1]:8880", true},
		{"http://:8880", "[::1]", "http://[::1]:8880", true},
		{"http://:80", "server.example.com:8891", "http://server.example.com", true},
		{"https://:443", "server.example.com:8891", "https://server.example.com", true},
		{"http://:8880", "server.example.com:8891", "https://server.example.com:8880", false},
		{"http://:8880", "server.example.com:8891", "http://server.example.com:8881", false},
		{"http://:8880", "server.example.com:8891", "http://server.example.com", false},
		{"http://:8880", "server.example.com:8891", "http://evil.example.com:8880", false},
		{"http://:8880", "server.example.com:8891", "http://server.example.com.evil.com:8880", false},
		{"http://:8880", "server.example.com:8891", "http://x@server.example.com:8880", false},
		{"http://:8880", "server.example.com:8891", "null", false},
		{"", "server.example.com:8891", "http://server.example.com:8880", false},
	} {
		_, err := websocket.Accept([]byte(handshake("Host: "+tt.host, "Origin: "+tt.origin)), websocket.HandshakeOptions{Page: tt.page})
		if (err == nil) != tt.allowed {
			t.Errorf("page %q, host %s, origin %s: %v", tt.page, tt.host, tt.origin, err)
		}
	}
}
