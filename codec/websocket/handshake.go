package websocket

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// MaxHandshake is the largest HTTP header that Accept reads, in bytes.
const MaxHandshake = 8 << 10

// version is the only version of the protocol (RFC 6455 section 4.1).
const version = "13"

// HandshakeOptions say which handshakes a server accepts.
type HandshakeOptions struct {
	// Subprotocols that the server speaks. The first that the client offers and that is in
	// this list is chosen.
	Subprotocols []string
	// Origins of web pages that may connect beside those from the same host and port, such
	// as "https://app.example.com". "*" allows all.
	Origins []string
	// Page allows pages of the host that the client calls, at another port: it is their scheme and
	// port, such as "http://:8880". "": none.
	Page string
	// Paths that are served; others are answered with 404. Empty: all.
	Paths []string
}

// Upgrade is an accepted handshake.
type Upgrade struct {
	Path        string // without the query
	Subprotocol string // the chosen one, "" for no subprotocol
	Origin      string // the web page that connects, "" if it is not a browser
	Host        string // the server as the client calls it, with its port
	Response    []byte // the complete 101 answer
}

// HandshakeError is a refused handshake: the status and the text of the answer, which
// AppendHTTPError makes. Text has nothing in it that the client sent.
type HandshakeError struct {
	Status int
	Text   string
}

// Error implements error.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("websocket: handshake refused with status %d: %s", e.Status, e.Text)
}

// refuse returns a HandshakeError.
func refuse(status int, text string) error { return &HandshakeError{status, text} }

// HeaderLen returns the length of the HTTP header at the start of b, its empty line included,
// and 0 while it is incomplete. from is the length of b at the last look. It also ends at an
// empty line without carriage returns, so that Accept refuses such a header at once.
func HeaderLen(b []byte, from int) int {
	for at := max(0, from-2); at < len(b); at++ {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i
		switch rest := b[at+1:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 2
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 3
		}
	}
	return 0
}

// Accept checks the header of an opening handshake, as HeaderLen found it, and makes the
// answer. err is a *HandshakeError. Extensions that the client offers are declined.
func Accept(header []byte, o HandshakeOptions) (Upgrade, error) {
	var r request
	err := r.parse(header)
	if err != nil {
		return Upgrade{}, err
	}
	if err := r.checkHTTP(); err != nil {
		return Upgrade{}, err
	}
	if !hasToken(r.upgrade, "websocket") {
		if len(r.key) > 0 {
			return Upgrade{}, refuse(426, "the Upgrade header must be websocket: does a proxy remove it?")
		}
		return Upgrade{}, refuse(426, o.page())
	}
	if len(o.Paths) > 0 && !slices.Contains(o.Paths, r.path) {
		return Upgrade{}, refuse(404, "there is no WebSocket at this path")
	}
	if err := r.checkUpgrade(); err != nil {
		return Upgrade{}, err
	}
	origin := first(r.origin)
	if !o.allows(origin, r.host[0]) {
		return Upgrade{}, refuse(403, "pages of this origin may not connect")
	}
	u := Upgrade{Path: r.path, Host: r.host[0], Origin: origin}
	if u.Subprotocol, err = o.choose(r.subprotocols); err != nil {
		return Upgrade{}, err
	}
	u.Response = appendSwitch(make([]byte, 0, 192), AcceptKey(r.key[0]), u.Subprotocol)
	return u, nil
}

// checkHTTP checks what every request has to comply with.
func (r *request) checkHTTP() error {
	switch {
	case r.method != "GET":
		return refuse(405, "a WebSocket handshake is a GET request")
	case len(r.host) != 1 || !isHost(r.host[0]):
		return refuse(400, "the request needs one Host header")
	case len(r.transferEncoding) > 0, len(r.contentLength) > 1, len(r.contentLength) == 1 && r.contentLength[0] != "0":
		return refuse(400, "a WebSocket handshake has no body")
	}
	return nil
}

// checkUpgrade checks the headers of a WebSocket handshake (RFC 6455 section 4.2.1).
func (r *request) checkUpgrade() error {
	switch {
	case len(r.upgrade) != 1:
		return refuse(400, "there is more than one Upgrade header")
	case !hasToken(r.connection, "upgrade"):
		return refuse(400, "the Connection header must have Upgrade: does a proxy remove it?")
	case len(r.version) > 1:
		return refuse(400, "there is more than one Sec-WebSocket-Version header")
	case first(r.version) != version:
		return refuse(426, "this server speaks version 13 of WebSocket")
	case len(r.key) != 1 || !isKey(r.key[0]):
		return refuse(400, "the handshake needs one Sec-WebSocket-Key header, 16 bytes in base64")
	case len(r.origin) > 1:
		return refuse(400, "there is more than one Origin header")
	}
	return nil
}

// isKey reports whether s is 16 bytes in base64.
func isKey(s string) bool {
	key, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(key) == 16
}

// page is the answer for a request that is no handshake: what is here, and how to connect.
func (o *HandshakeOptions) page() string {
	text := "this is a WebSocket server: connect with a WebSocket client"
	if len(o.Paths) > 0 {
		text += " to " + strings.Join(o.Paths, " or ")
	}
	if len(o.Subprotocols) > 0 {
		text += ", subprotocol " + strings.Join(o.Subprotocols, " or ")
	}
	return text
}

// allows reports whether a web page may connect. A client without an Origin header is not a
// browser, and may (RFC 6455 section 10.2).
func (o *HandshakeOptions) allows(origin, host string) bool {
	if origin == "" {
		return true
	}
	origin = withoutDefaultPort(origin)
	same := func(o string) bool { return equalFold(withoutDefaultPort(o), origin) }
	if scheme, port, ok := strings.Cut(o.Page, "://"); ok && same(scheme+"://"+withoutPort(host)+port) {
		return true
	}
	return same("http://"+host) || same("https://"+host) || slices.ContainsFunc(o.Origins, func(allowed string) bool {
		return allowed == "*" || same(allowed)
	})
}

// withoutPort returns a host without its port; an IPv6 address stays in its brackets.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// withoutDefaultPort returns an origin as browsers send it: without the port that its scheme
// implies. A proxy or a setting may have that port.
func withoutDefaultPort(origin string) string {
	switch scheme, _, _ := strings.Cut(origin, "://"); {
	case equalFold(scheme, "http"):
		return strings.TrimSuffix(origin, ":80")
	case equalFold(scheme, "https"):
		return strings.TrimSuffix(origin, ":443")
	}
	return origin
}

// choose returns the first subprotocol in the client's lists that the server speaks, ""
// without one.
func (o *HandshakeOptions) choose(lists []string) (string, error) {
	chosen := ""
	for _, list := range lists {
		for offered := range strings.SplitSeq(list, ",") {
			offered = strings.Trim(offered, " \t")
			if !isToken(offered) {
				return "", refuse(400, "the Sec-WebSocket-Protocol header is not a list of names")
			}
			if i := slices.Index(o.Subprotocols, offered); i >= 0 && chosen == "" {
				chosen = o.Subprotocols[i]
			}
		}
	}
	return chosen, nil
}

// appendSwitch appends the answer to an accepted handshake.
func appendSwitch(dst []byte, accept, subprotocol string) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(dst, accept...)
	if subprotocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, subprotocol...)
	}
	return append(dst, "\r\n\r\n"...)
}

// AppendHTTPError appends a complete HTTP/1.1 answer with that status, and text as one line.
// With 405 it names the method, with 426 the protocol and its version, as they must.
func AppendHTTPError(dst []byte, status int, text string) []byte {
	dst = fmt.Appendf(dst, "HTTP/1.1 %d %s\r\n", status, reasonPhrase(status))
	connection := "close"
	switch status {
	case 405:
		dst = append(dst, "Allow: GET\r\n"...)
	case 426:
		dst = append(dst, "Upgrade: websocket\r\nSec-WebSocket-Version: "+version+"\r\n"...)
		connection = "close, Upgrade"
	}
	return fmt.Appendf(dst, "Connection: %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\n\r\n%s\n",
		connection, len(text)+1, text)
}

// reasonPhrase returns the usual text of a status, "" for one that is not in use here.
func reasonPhrase(status int) string {
	switch status {
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 408:
		return "Request Timeout"
	case 426:
		return "Upgrade Required"
	case 429:
		return "Too Many Requests"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 503:
		return "Service Unavailable"
	case 505:
		return "HTTP Version Not Supported"
	}
	return ""
}

// AppendClientHandshake appends a client's request. key is 16 random bytes in base64;
// subprotocol is a list of names with commas between, or "".
func AppendClientHandshake(dst []byte, host, path, key, subprotocol string) []byte {
	dst = fmt.Appendf(dst, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: %s\r\n",
		path, host, key, version)
	if subprotocol != "" {
		dst = fmt.Appendf(dst, "Sec-WebSocket-Protocol: %s\r\n", subprotocol)
	}
	return append(dst, "\r\n"...)
}

// AcceptKey returns the value of Sec-WebSocket-Accept that answers a key (RFC 6455 section
// 4.2.2). SHA-1 is no protection there: it shows that the server understood the request.
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
