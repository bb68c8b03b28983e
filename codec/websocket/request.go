package websocket

import "strings"

// request is the header of an HTTP/1.1 request, as far as a handshake needs it: the path
// without its query, and the values of each header that counts.
type request struct {
	method, path     string
	host             []string
	upgrade          []string
	connection       []string
	key              []string
	version          []string
	subprotocols     []string
	origin           []string
	contentLength    []string
	transferEncoding []string
}

// parse reads a header that ends with its empty line. It accepts only what RFC 9112
// has a client send: no folded lines, no line feeds without carriage return, no control
// characters, no spaces around names.
func (r *request) parse(header []byte) error {
	if len(header) > MaxHandshake {
		return refuse(431, "the header is too large")
	}
	lines, ok := strings.CutSuffix(string(header), "\r\n\r\n")
	if !ok {
		return refuse(400, "the header does not end with an empty line")
	}
	line, lines, more := strings.Cut(lines, "\r\n")
	target, err := r.parseLine(line)
	if err != nil {
		return err
	}
	for more {
		line, lines, more = strings.Cut(lines, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || !isToken(name) || !isValue(value) {
			return refuse(400, "a header line is malformed")
		}
		if values := r.field(name); values != nil {
			*values = append(*values, value)
		}
	}
	return r.setTarget(target)
}

// parseLine reads the first line, without the target.
func (r *request) parseLine(line string) (target string, err error) {
	method, rest, _ := strings.Cut(line, " ")
	target, protocol, _ := strings.Cut(rest, " ")
	digits, isHTTP := strings.CutPrefix(protocol, "HTTP/")
	switch {
	case !isToken(method) || target == "" || !isVisible(target),
		!isHTTP || len(digits) != 3 || !isDigit(digits[0]) || digits[1] != '.' || !isDigit(digits[2]):
		return "", refuse(400, "the request line is malformed")
	case digits != "1.1":
		return "", refuse(505, "a WebSocket handshake is an HTTP/1.1 request")
	}
	r.method = method
	return target, nil
}

// setTarget sets the path from a target in origin form ("/ws?x") or in absolute form
// ("http://host/ws?x"), whose host replaces the Host header (RFC 9112 section 3.2.2).
func (r *request) setTarget(target string) error {
	target, _, _ = strings.Cut(target, "?")
	if scheme, rest, ok := strings.Cut(target, "://"); ok && isScheme(scheme) {
		host, path, _ := strings.Cut(rest, "/")
		target = "/" + path
		if len(r.host) == 1 {
			r.host[0] = host
		}
	}
	if !strings.HasPrefix(target, "/") || strings.Contains(target, "#") {
		return refuse(400, "the request target is malformed")
	}
	r.path = target
	return nil
}

// field returns where the values of a header are stored, nil for one that does not count.
func (r *request) field(name string) *[]string {
	for _, known := range [...]struct {
		name   string
		values *[]string
	}{
		{"host", &r.host}, {"upgrade", &r.upgrade}, {"connection", &r.connection},
		{"sec-websocket-key", &r.key}, {"sec-websocket-version", &r.version},
		{"sec-websocket-protocol", &r.subprotocols}, {"origin", &r.origin},
		{"content-length", &r.contentLength}, {"transfer-encoding", &r.transferEncoding},
	} {
		if equalFold(name, known.name) {
			return known.values
		}
	}
	return nil
}

// first returns the first of the values of a header, "" without one.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// hasToken reports whether a token is in the lists that are the values of a header, in
// whatever case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if equalFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// equalFold reports whether a and b differ by the case of ASCII letters at most.
// strings.EqualFold also folds other letters into ASCII ones.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isScheme(s string) bool {
	for _, scheme := range []string{"http", "https", "ws", "wss"} {
		if equalFold(s, scheme) {
			return true
		}
	}
	return false
}

// isToken reports whether s is a name of a method, header or subprotocol (RFC 9110 section
// 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && (lower(c) < 'a' || lower(c) > 'z') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isValue reports whether s is the value of a header: no control characters but tabs.
func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7F {
			return false
		}
	}
	return true
}

// isVisible reports whether s has only visible ASCII characters.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return true
}

// isHost reports whether s can be a host with or without a port.
func isHost(s string) bool { return s != "" && isVisible(s) && !strings.ContainsAny(s, `/\?#@,"<>`) }
