package console_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"holdfast/biz/console"
	"holdfast/docs"
)

func TestOrigin(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	port := s.http.URL[strings.LastIndexByte(s.http.URL, ':'):]
	for _, origin := range []string{
		"", "null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1" + port, "http://localhost" + port,
		"http://127.0.0.1" + port + ".evil.example", "http://evil.example/http://127.0.0.1" + port, "http://127.0.0.1" + port + "/",
	} {
		for _, path := range []string{"/api/login", "/api/logout", "/api/ticket"} {
			b.post(path, credentials(trader, password), func(r *http.Request) { r.Header.Set("Origin", origin) }).
				wants(t, http.StatusForbidden, "own page")
		}
	}
	b.post("/api/login", credentials(trader, password), func(r *http.Request) { r.Header.Del("Origin") }).wants(t, http.StatusForbidden, "")
	b.post("/api/login", credentials(trader, password), func(r *http.Request) { r.Header.Add("Origin", s.http.URL) }).wants(t, http.StatusForbidden, "")
	b.post("/api/login", credentials(trader, password), func(r *http.Request) { // the default port is left out
		r.Host = "console.example:80"
		r.Header.Set("Origin", "http://console.example")
	}).wants(t, http.StatusOK, "")
}

func TestBodies(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json, text/plain", "multipart/form-data"} {
		b.post("/api/login", credentials(trader, password), func(r *http.Request) { r.Header.Set("Content-Type", mediaType) }).
			wants(t, http.StatusUnsupportedMediaType, "application/json")
	}
	large := credentials(trader, strings.Repeat("x", 5000))
	b.post("/api/login", large).wants(t, http.StatusRequestEntityTooLarge, "4096 bytes")
	b.post("/api/login", large, func(r *http.Request) { r.ContentLength = -1 }).wants(t, http.StatusRequestEntityTooLarge, "4096 bytes")
	b.post("/api/logout", large).wants(t, http.StatusRequestEntityTooLarge, "4096 bytes")
	b.post("/api/login", credentials(trader, password), func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=UTF-8") }).
		wants(t, http.StatusOK, "")
}

// TestSlowBody: a body that does not come is not waited for.
func TestSlowBody(t *testing.T) {
	s := start(t, nil)
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(conn, "POST /api/login HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{",
		s.http.Listener.Addr(), s.http.URL)
	must(t, err)
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer got.Body.Close()
	if got.StatusCode != http.StatusRequestTimeout || !got.Close {
		t.Errorf("status %d, close %t", got.StatusCode, got.Close)
	}
}

func TestMethods(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	for path, allow := range map[string]string{"/": "GET, HEAD", "/api/session": "GET, HEAD", "/api/help/trading": "GET, HEAD", "/api/login": "POST", "/api/ticket": "POST"} {
		for _, method := range []string{"HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			if strings.Contains(allow, method) {
				continue
			}
			r, err := http.NewRequestWithContext(t.Context(), method, s.http.URL+path, http.NoBody)
			must(t, err)
			if a := b.send(r); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			}
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.http.URL+"/", http.NoBody)
	must(t, err)
	if a := b.send(r); a.status != http.StatusOK || a.body != "" || a.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d %q, length %s", a.status, a.body, a.header.Get("Content-Length"))
	}
}

// raw sends a request as it is and returns the answer.
func (s *service) raw(request string) answer {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	must(s.t, err)
	defer conn.Close()
	must(s.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, request)
	must(s.t, err)
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(s.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	must(s.t, err)
	return answer{got.StatusCode, got.Header, string(text)}
}

func TestPaths(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{
		"/../console.go", "/dist/index.html", "/..%2fconsole.go", "//index.html", "/./index.html", "/index.html/", "/%2e%2e/doc.go", "/index.html%00",
		"/api", "/api/", "/api/login/", "/api/help/", "/api/help/../trading", "/api/help/..%2f..%2fgo.mod", "/api/help/trading.md", "/api/help/docs",
	} {
		s.raw("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n").wants(t, http.StatusNotFound, "nothing at this path")
	}
	s.raw("GET /index.html?x=../../y HTTP/1.1\r\nHost: x\r\n\r\n").wants(t, http.StatusOK, "<!doctype html>")
}

// TestHeaders: each answer, also an error, has the policy and the other headers.
func TestHeaders(t *testing.T) {
	s := start(t, nil)
	const before = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
	const after = "; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	check := func(host, path, connect string) {
		t.Helper()
		a := s.raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		for name, want := range map[string]string{
			"Content-Security-Policy": before + connect + after, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s%s: %s %q, want %q", host, path, name, got, want)
			}
		}
		if a.header.Get("Content-Type") == "" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s%s: headers %v", host, path, a.header)
		}
	}
	check("127.0.0.1:8880", "/", "")
	s.raw("GET /api/console HTTP/1.1\r\nHost: x\r\n\r\n").wants(t, http.StatusServiceUnavailable, "starting")
	port := strconv.Itoa(s.door())
	for _, path := range []string{"/", "/api/console", "/api/session", "/api/login", "/nothing"} {
		check("127.0.0.1:8880", path, " ws://127.0.0.1:"+port)
	}
	check("trading.example", "/", " ws://trading.example:"+port)
	check("[::1]:8880", "/", " ws:")
	s.console.SetDoor(8891, true)
	check("trading.example:8880", "/", " wss://trading.example:8891")
	for _, host := range []string{"a b", "x;script-src", "x:y", "[::1", "'unsafe-inline'", "x:99999", "a,b", "", "*"} {
		a := s.raw("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if a.status != http.StatusBadRequest || strings.Contains(a.header.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("host %q: %d %q", host, a.status, a.header)
		}
	}
}

func TestFiles(t *testing.T) {
	s := start(t, nil)
	get := func(headers string) answer { return s.raw("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n") }
	plain := get("")
	plain.wants(t, http.StatusOK, "<!doctype html>")
	packed := get("Accept-Encoding: br;q=1.0, gzip;q=0.8, *;q=0.1\r\n")
	z, err := gzip.NewReader(strings.NewReader(packed.body))
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	if string(text) != plain.body || packed.header.Get("Content-Encoding") != "gzip" || packed.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("gzip: %v", packed.header)
	}
	for _, refuses := range []string{"identity", "gzip;q=0", "gzip; q=0.0, br"} {
		if a := get("Accept-Encoding: " + refuses + "\r\n"); a.header.Get("Content-Encoding") != "" || a.body != plain.body {
			t.Errorf("%s: %v", refuses, a.header)
		}
	}
	tag, packedTag := plain.header.Get("ETag"), packed.header.Get("ETag")
	if tag == packedTag || len(tag) < 10 {
		t.Errorf("ETag %s and %s", tag, packedTag)
	}
	if a := get("If-None-Match: " + tag + "\r\n"); a.status != http.StatusNotModified || a.body != "" {
		t.Errorf("%d %q", a.status, a.body)
	}
	get("If-None-Match: \"0\"\r\n").wants(t, http.StatusOK, "<!doctype html>")
}

// TestHelp: the pages are those of docs, without scripts, styles and raw HTML, and their links stay in
// the console.
func TestHelp(t *testing.T) {
	s := start(t, nil)
	b := s.browser()
	var list []struct{ Name, Title string }
	must(t, json.Unmarshal([]byte(b.get("/api/help").body), &list))
	names, err := docs.Pages.ReadDir(".")
	must(t, err)
	if len(list) != len(names) || len(list) == 0 {
		t.Fatalf("%d pages of %d", len(list), len(names))
	}
	for _, entry := range list {
		var page struct{ Title, HTML string }
		must(t, json.Unmarshal([]byte(b.get("/api/help/"+entry.Name).body), &page))
		if page.Title != entry.Title || !strings.HasPrefix(page.HTML, "<h1 id=") {
			t.Errorf("%s: title %q, %.100s", entry.Name, page.Title, page.HTML)
		}
		for _, bad := range []string{"<script", "style=", " on", "javascript:", `.md"`, `.md#`, "<img", "raw HTML omitted"} {
			if i := strings.Index(page.HTML, bad); i >= 0 && (bad != " on" || insideTag(page.HTML, i)) {
				t.Errorf("%s: %q in %.200s", entry.Name, bad, page.HTML[max(0, i-50):])
			}
		}
	}
	b.get("/api/help/trading").wants(t, http.StatusOK, `#help/protocol`)
}

// insideTag reports whether a place of HTML is in a tag.
func insideTag(html string, i int) bool {
	return strings.LastIndexByte(html[:i], '<') > strings.LastIndexByte(html[:i], '>')
}

// TestHelpHasNoHTML: what a page has as HTML, or as a link to code, does not get through.
func TestHelpHasNoHTML(t *testing.T) {
	title, html := console.Help("page", "# A *title*\n\n<script>alert(1)</script>\n\n[a](javascript:alert(1)) [b](trading.md#x) [c](../biz/seed)\n[d](https://example.com/x.md) <b>b</b>\n\n| a |\n| -: |\n| 1 |\n")
	if title != "A *title*" {
		t.Errorf("title %q", title)
	}
	for _, bad := range []string{"<script", "alert(1)\"", "javascript", "<b>", "style="} {
		if strings.Contains(html, bad) {
			t.Errorf("%q in %s", bad, html)
		}
	}
	for _, good := range []string{`<a href="#help/trading">b</a>`, `<a href="#help/page">c</a>`, `<a href="https://example.com/x.md">d</a>`, `<td align="right">1</td>`} {
		if !strings.Contains(html, good) {
			t.Errorf("no %q in %s", good, html)
		}
	}
}

// TestWebSocket: the page connects with a ticket. Pages of other origins do not.
func TestWebSocket(t *testing.T) {
	s := start(t, nil)
	port := s.door()
	b := s.browser()
	b.logIn(trader)
	b.get("/api/console").wants(t, http.StatusOK, fmt.Sprintf(`{"version":"test","websocketPort":%d,"websocketTLS":false}`, port))
	own := s.http.URL[strings.LastIndexByte(s.http.URL, ':'):]
	dial := func(host, origin string) (*websocket.Conn, *http.Response, error) {
		c, r, err := websocket.Dial(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d/ws", port), &websocket.DialOptions{
			HTTPHeader: http.Header{"Origin": {origin}}, Host: host, Subprotocols: []string{"holdfast.v1.json"},
		})
		return c, r, err
	}
	for _, foreign := range []string{"http://evil.example", "http://evil.example" + own, "https://127.0.0.1" + own, "http://127.0.0.1:1", "http://localhost" + own, "null"} {
		if _, r, err := dial("", foreign); err == nil || r == nil || r.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v, %v", foreign, r, err)
		}
	}
	c, _, err := dial("", s.http.URL)
	must(t, err)
	defer func() { _ = c.CloseNow() }()
	must(t, wsjson.Write(t.Context(), c, map[string]any{
		"command": "Login", "id": 1, "body": map[string]any{"customer": trader, "token": b.ticket()},
	}))
	var reply struct{ Result string }
	must(t, wsjson.Read(t.Context(), c, &reply))
	if reply.Result != "OK" {
		t.Errorf("result %q", reply.Result)
	}
	b.post("/api/logout", "")
	for err == nil { // the notice comes last
		var push struct {
			Command string
			Body    struct{ Code string }
		}
		if err = wsjson.Read(t.Context(), c, &push); err == nil && push.Command == "Notice" && !strings.HasSuffix(push.Body.Code, "REVOKED") {
			t.Errorf("notice %q", push.Body.Code)
		}
	}
	if code := websocket.CloseStatus(err); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", err)
	}
}
