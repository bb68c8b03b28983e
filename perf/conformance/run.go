package conformance

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha1" // RFC 6455 section 1.3 wants it
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of Run.
var (
	ErrURL       = errors.New("wants a URL such as ws://127.0.0.1:8891/echo")
	ErrNoCase    = errors.New("no case has this number")
	ErrTLS       = errors.New("no TLS connection")
	ErrHandshake = errors.New("the server refused the WebSocket handshake")
)

// Options are the options of Run.
type Options struct {
	Settings
	URL      string       // ws://host:port/path of an echo endpoint, or wss:// with TLS
	TLS      *tls.Config  // how to speak TLS; nil: only to wss://, trusting the system's authorities
	Cases    []string     // numbers, sections such as "6.4", or patterns such as "6.*"; nil: all
	Parallel int          // connections at a time; 0: 1
	MaxBytes int          // cases that send more are Skipped; 0: no limit
	Report   func(Result) // called after each case, by one goroutine at a time; nil: not
}

// Select returns the cases that one of the patterns names, in the order of the suite. Its
// error wraps ErrNoCase and names a pattern without a case.
func Select(patterns []string) ([]Case, error) {
	all := Cases()
	if len(patterns) == 0 {
		return all, nil
	}
	used := make([]bool, len(patterns))
	var selected []Case
	for _, c := range all {
		matched := false
		for i, pattern := range patterns {
			exact, err := path.Match(pattern, c.number)
			if err == nil && (exact || strings.HasPrefix(c.number, pattern+".")) {
				matched, used[i] = true, true
			}
		}
		if matched {
			selected = append(selected, c)
		}
	}
	for i, pattern := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("%w: %q", ErrNoCase, pattern)
		}
	}
	return selected, nil
}

// Run runs cases against an echo endpoint, each on its own connection. It returns an error
// if the options are wrong, if the endpoint does not accept a first connection, or if ctx
// ends. A later connection that fails is a result of its case.
func Run(ctx context.Context, o Options) (*Report, error) {
	cases, err := Select(o.Cases)
	if err != nil {
		return nil, err
	}
	target, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	o.Timeout = orDefault(o.Timeout, DefaultTimeout)
	start := time.Now()
	conn, err := dial(ctx, target, &o)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	_ = conn.Close()

	report := &Report{URL: o.URL, Pieces: o.Pieces, MaxBytes: o.MaxBytes, Results: make([]Result, len(cases))}
	next := make(chan int)
	var workers sync.WaitGroup
	var reporting sync.Mutex
	for range max(o.Parallel, 1) {
		workers.Go(func() {
			for i := range next {
				result := runCase(ctx, cases[i], target, o)
				if ctx.Err() != nil {
					continue
				}
				reporting.Lock()
				report.Results[i] = result
				if o.Report != nil {
					o.Report(result)
				}
				reporting.Unlock()
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	workers.Wait()
	report.Duration = time.Since(start)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return report, nil
}

// runCase runs a case on a new connection.
func runCase(ctx context.Context, c Case, target *url.URL, o Options) Result {
	result := Result{Number: c.number, Sent: c.Sends(), Expected: c.Expects()}
	if o.MaxBytes > 0 && c.Bytes() > o.MaxBytes {
		result.Verdict = Skipped
		return result
	}
	conn, err := dial(ctx, target, &o)
	if err != nil {
		result.Verdict, result.Got = Failed, err.Error()
		return result
	}
	return c.Run(ctx, conn, o.Settings)
}

// CheckURL returns an error that wraps ErrURL if Run does not take this URL.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("%w, got %q", ErrURL, text)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), map[string]string{"ws": "80", "wss": "443"}[u.Scheme])
	}
	return u, nil
}

// dial connects to the endpoint and does the handshake.
func dial(ctx context.Context, target *url.URL, o *Options) (Conn, error) {
	dialer := net.Dialer{Timeout: o.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", target.Host) // Go sets TCP_NODELAY
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if conn, err = o.encrypt(ctx, conn, target); err != nil {
		return nil, err
	}
	upgraded, err := Upgrade(conn, target.Host, target.RequestURI(), o.Settings)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return upgraded, nil
}

// encrypt makes the TLS handshake on a connection, if one is wanted. After an error the connection
// is closed.
func (o *Options) encrypt(ctx context.Context, conn net.Conn, target *url.URL) (net.Conn, error) {
	if o.TLS == nil && target.Scheme != "wss" {
		return conn, nil
	}
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.ServerName = cmp.Or(config.ServerName, target.Hostname())
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	encrypted := tls.Client(conn, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // err says why
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return encrypted, nil
}

// acceptSuffix is what a server appends to the key of a handshake, RFC 6455 section 1.3.
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Upgrade does the client's half of the handshake of RFC 6455 section 4 on a connection
// and returns the connection for Case.Run. Of the settings it uses Pieces and Timeout. Its
// error wraps ErrHandshake if the server's answer is no.
func Upgrade(conn Conn, host, target string, s Settings) (Conn, error) {
	timed := &timedConn{Conn: conn, timeout: orDefault(s.Timeout, DefaultTimeout)}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	out := writer{conn: timed, longest: s.Pieces}
	out.pending = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", target, host, key)
	out.flush(0)
	if out.err != nil {
		return nil, fmt.Errorf("handshake: %w", out.err)
	}
	r := bufio.NewReader(timed)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	_ = response.Body.Close()
	sum := sha1.Sum([]byte(key + acceptSuffix))
	h := response.Header
	switch {
	case response.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("%w: %s", ErrHandshake, response.Status)
	case !strings.EqualFold(h.Get("Upgrade"), "websocket"), !slices.ContainsFunc(strings.Split(h.Get("Connection"), ","), isUpgrade):
		return nil, fmt.Errorf("%w: no Upgrade: websocket in its answer", ErrHandshake)
	case h.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return nil, fmt.Errorf("%w: wrong Sec-WebSocket-Accept", ErrHandshake)
	case h.Get("Sec-WebSocket-Extensions") != "", h.Get("Sec-WebSocket-Protocol") != "":
		return nil, fmt.Errorf("%w: an extension or subprotocol that was not asked for", ErrHandshake)
	}
	rest, _ := r.Peek(r.Buffered()) // never fails
	return &upgradedConn{Conn: conn, r: io.MultiReader(bytes.NewReader(rest), conn)}, nil
}

// isUpgrade reports whether an option of the header Connection is Upgrade.
func isUpgrade(option string) bool { return strings.EqualFold(strings.TrimSpace(option), "Upgrade") }

// upgradedConn is a connection after the handshake. r starts with what was read beyond it.
type upgradedConn struct {
	Conn
	r io.Reader
}

// Read implements io.Reader.
func (c *upgradedConn) Read(b []byte) (int, error) { return c.r.Read(b) }
