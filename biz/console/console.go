package console

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/biz/gateway"
)

// Config has the settings of a Console. Gateway, Port, Figures and Sessions are required.
type Config struct {
	Gateway *gateway.Gateway
	Version string // of the server
	Port    int    // that the console is served at; it is part of the cookie's name
	TLS     bool   // the console is served over TLS
	Demo    bool   // the page shows the demo logins
	// Figures returns what operators see of the server. The percentiles count what came since
	// another answer of it; nil: since the start.
	Figures func(since *Counts) (Figures, *Counts)
	// Sessions returns the open sessions that a text is in, at most limit of them.
	Sessions func(search string, limit int) SessionList
	// File has the sessions, so that they outlast the server; "": they do not.
	File string
	Log  *slog.Logger // nil: nothing is logged
	// MaxSessions is how many browsers may be logged in. 0 means 4,096.
	MaxSessions int
	// Now is the computer's clock; nil means time.Now.
	Now func() time.Time
}

// defaultMaxSessions is the default of Config.MaxSessions.
const defaultMaxSessions = 4096

// Console is the HTTP handler of the console.
type Console struct {
	config   Config
	cookie   string // its name
	files    map[string]*file
	routes   map[string]route
	door     atomic.Pointer[door]
	sessions sessions

	stop, stopped chan struct{}
}

// door is the WebSocket listener that the page connects to, on the host of the console.
type door struct {
	port int
	tls  bool
}

// origin returns the source for connections to the door in a content security policy. That has no form
// for addresses of IPv6: there it is all hosts.
func (d *door) origin(hostname string) string {
	scheme := "ws"
	if d.tls {
		scheme = "wss"
	}
	if strings.HasPrefix(hostname, "[") {
		return scheme + ":"
	}
	return scheme + "://" + hostname + ":" + strconv.Itoa(d.port)
}

// route is what is served at a path. Its method is GET or POST; GET is also HEAD.
type route struct {
	method string
	serve  func(http.ResponseWriter, *http.Request)
}

// New returns a console. Close it.
func New(c Config) *Console {
	if c.MaxSessions <= 0 {
		c.MaxSessions = defaultMaxSessions
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &Console{
		config: c, cookie: "holdfast-" + strconv.Itoa(c.Port), files: embeddedFiles(),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if c.TLS {
		h.cookie = "__Host-" + h.cookie // browsers take such a cookie only over TLS
	}
	h.sessions.init(&h.config)
	h.routes = map[string]route{
		"/api/console":  {http.MethodGet, h.describe},
		"/api/login":    {http.MethodPost, h.logIn},
		"/api/session":  {http.MethodGet, h.showSession},
		"/api/logout":   {http.MethodPost, h.logOut},
		"/api/ticket":   {http.MethodPost, h.ticket},
		"/api/figures":  {http.MethodGet, h.figures},
		"/api/sessions": {http.MethodGet, h.listSessions},
		"/api/help":     {http.MethodGet, h.listHelp},
	}
	for name, page := range helpPages() {
		h.routes["/api/help/"+name] = route{http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, page) }}
	}
	for path, f := range h.files {
		h.routes[path] = route{http.MethodGet, f.serve}
	}
	go h.sweep()
	return h
}

// SetDoor sets the port of the WebSocket listener that the page connects to, and whether it speaks TLS.
func (c *Console) SetDoor(port int, tls bool) { c.door.Store(&door{port, tls}) }

// sweepPause is the longest time that a session outlasts its end.
const sweepPause = 10 * time.Second

// sweep ends the sessions whose time is over.
func (c *Console) sweep() {
	defer close(c.stopped)
	t := time.NewTicker(sweepPause)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.sessions.expire()
		case <-c.stop:
			return
		}
	}
}

// Close ends the goroutine of the console.
func (c *Console) Close() {
	close(c.stop)
	<-c.stopped
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hostname, ok := hostnameOf(r.Host)
	if !ok {
		hostname = ""
	}
	c.setHeaders(w.Header(), hostname)
	if !ok {
		fail(w, http.StatusBadRequest, "the Host header is not a name or an address")
		return
	}
	at, ok := c.routes[r.URL.Path]
	if !ok {
		fail(w, http.StatusNotFound, "there is nothing at this path")
		return
	}
	if r.Method != at.method && (r.Method != http.MethodHead || at.method != http.MethodGet) {
		allow := at.method
		if allow == http.MethodGet {
			allow += ", " + http.MethodHead
		}
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, "this path takes "+allow)
		return
	}
	if at.method == http.MethodPost && !c.checkPost(w, r) {
		return
	}
	at.serve(w, r)
}

// hostnameOf returns the host of a Host header without its port; ok is false if it is no name and no address.
func hostnameOf(host string) (name string, ok bool) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name = host[:i]
		if _, err := strconv.ParseUint(host[i+1:], 10, 16); err != nil {
			return "", false
		}
	}
	inside, v6 := strings.CutPrefix(name, "[")
	if v6 {
		inside, v6 = strings.CutSuffix(inside, "]")
		if !v6 {
			return "", false
		}
	}
	allowed := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	if v6 {
		allowed += ":"
	}
	return name, inside != "" && strings.Trim(inside, allowed) == ""
}

// setHeaders sets the headers that all answers have.
func (c *Console) setHeaders(h http.Header, hostname string) {
	connect := "'self'"
	if d := c.door.Load(); d != nil && hostname != "" {
		connect += " " + d.origin(hostname)
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "+connect+
		"; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// maxBody is the largest body of a request.
const maxBody = 4 << 10

// checkPost refuses a POST of another site, or one whose body is not JSON or too large.
func (c *Console) checkPost(w http.ResponseWriter, r *http.Request) bool {
	scheme := "http://"
	if c.config.TLS {
		scheme = "https://"
	}
	origins := r.Header.Values("Origin")
	same := func(origin string) bool {
		return withoutDefaultPort(origin) == withoutDefaultPort(scheme+strings.ToLower(r.Host))
	}
	types := r.Header.Values("Content-Type")
	switch {
	case len(origins) != 1 || !same(origins[0]):
		fail(w, http.StatusForbidden, "only the console's own page may send this")
	case len(types) != 1 || !slices.Contains([]string{"application/json", "application/json; charset=utf-8"}, strings.ToLower(types[0])):
		fail(w, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
	case r.ContentLength > maxBody:
		w.Header().Set("Connection", "close")
		fail(w, http.StatusRequestEntityTooLarge, tooLarge)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		return true
	}
	return false
}

// tooLarge is the error for a body that is too large.
var tooLarge = "the body is longer than " + strconv.Itoa(maxBody) + " bytes"

// withoutDefaultPort returns an origin as browsers send it.
func withoutDefaultPort(origin string) string {
	if strings.HasPrefix(origin, "https:") {
		return strings.TrimSuffix(origin, ":443")
	}
	return strings.TrimSuffix(origin, ":80")
}

// describe answers what the page needs to know before a login.
func (c *Console) describe(w http.ResponseWriter, _ *http.Request) {
	d := c.door.Load()
	if d == nil {
		fail(w, http.StatusServiceUnavailable, "the server is starting; try again")
		return
	}
	reply(w, http.StatusOK, struct {
		Version       string `json:"version"`
		WebSocketPort int    `json:"websocketPort"`
		WebSocketTLS  bool   `json:"websocketTLS"`
		Demo          bool   `json:"demo,omitempty"`
	}{c.config.Version, d.port, d.tls, c.config.Demo})
}

// reply sends a value as JSON.
func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	body, err := json.Marshal(value)
	if err != nil { // a program error: the values are ours
		panic(err)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail sends an error in words.
func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, struct {
		Error string `json:"error"`
	}{message})
}
