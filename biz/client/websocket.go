package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"

	"holdfast/codec"
)

// subprotocol is the packet dialect in binary messages.
const subprotocol = "holdfast.v1.packet"

// farewell is how long Close waits for the server's Close frame.
const farewell = 250 * time.Millisecond

// Limits of the answer to a handshake, in bytes.
const (
	maxAnswerHeader = 64 << 10
	maxAnswerText   = 200
)

// webSocket makes a WebSocket connection a net.Conn of the packet dialect. Write takes
// whole frames and sends each as one binary message without its total. Read returns each
// message with the total put before it. Deadlines are those of the connection below.
//
// Goroutine: Read, Write and Close may be called at the same time, each by one goroutine.
type webSocket struct {
	net.Conn
	messages *websocket.Conn
	unread   bytes.Buffer // the rest of the frame that Read returns
}

// dialWebSocket connects to a WebSocket listener; ctx bounds the handshake. If the server
// does not accept it, the error is a *HandshakeError. Limit: maxFrame for what Read returns.
func dialWebSocket(ctx context.Context, to target, dial func(ctx context.Context, network, addr string) (net.Conn, error), maxFrame int) (net.Conn, error) {
	var below net.Conn
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dial(ctx, to.network, to.address)
			below = conn
			return conn, err
		},
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswerHeader,
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	//nolint:bodyclose // Dial has closed it, or made it the connection
	messages, answer, err := websocket.Dial(ctx, webSocketURL(to.address, to.path), &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: transport, CheckRedirect: noRedirect},
		Subprotocols: []string{subprotocol}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, failedHandshake(answer, err)
	}
	if messages.Subprotocol() != subprotocol {
		_ = messages.CloseNow() // the error below says why
		return nil, &HandshakeError{Status: answer.StatusCode, Text: "it does not offer the subprotocol " + subprotocol}
	}
	messages.SetReadLimit(int64(max(maxFrame, codec.PacketHeaderLen) - totalLen))
	return &webSocket{Conn: below, messages: messages}, nil
}

// totalLen is the length of a frame's total, in bytes.
const totalLen = 4

// Read implements net.Conn.
func (w *webSocket) Read(b []byte) (int, error) {
	if w.unread.Len() == 0 {
		if err := w.next(); err != nil {
			return 0, readError(err)
		}
	}
	return w.unread.Read(b)
}

// next reads a message into unread.
func (w *webSocket) next() error {
	kind, message, err := w.messages.Reader(context.Background())
	if err != nil {
		return err
	}
	if kind != websocket.MessageBinary {
		return errors.New("a text message")
	}
	w.unread.Reset()
	w.unread.Write(make([]byte, totalLen))
	if _, err := w.unread.ReadFrom(message); err != nil {
		w.unread.Reset()
		return err
	}
	binary.BigEndian.PutUint32(w.unread.Bytes(), uint32(w.unread.Len()))
	return nil
}

// readError returns the error for callers of Read.
func readError(err error) error {
	var closed websocket.CloseError
	switch {
	case errors.As(err, &closed):
		return &CloseError{Code: int(closed.Code), Text: closed.Reason}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return fmt.Errorf("%w: %w", ErrProtocol, codec.ErrTooLarge)
	case ofNetwork(err):
		return err
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}

// ofNetwork reports whether err is one of the connection, not of what came over it.
func ofNetwork(err error) bool {
	for _, is := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, os.ErrDeadlineExceeded, ErrClientCertificate} {
		if errors.Is(err, is) {
			return true
		}
	}
	return errors.As(err, new(*net.OpError))
}

// Write implements net.Conn. b is one or several whole frames.
func (w *webSocket) Write(b []byte) (n int, err error) {
	for n < len(b) {
		size := 0
		if len(b)-n >= totalLen {
			size = int(binary.BigEndian.Uint32(b[n:]))
		}
		if size < totalLen || size > len(b)-n {
			return n, errors.New("incomplete frame")
		}
		if err := w.messages.Write(context.Background(), websocket.MessageBinary, b[n+totalLen:n+size]); err != nil {
			return n, err
		}
		n += size
	}
	return n, nil
}

// Close implements net.Conn: it sends a Close frame and waits for that of the server, at
// most for farewell.
func (w *webSocket) Close() error {
	late := time.AfterFunc(farewell, func() { _ = w.Conn.Close() }) // ends the line below
	_ = w.messages.Close(websocket.StatusNormalClosure, "")         // the server may be gone
	late.Stop()
	_ = w.Conn.Close() // it may be closed already
	return nil
}

// CloseError means that the server closed a WebSocket connection without a notice. It wraps
// ErrClosedByServer.
type CloseError struct {
	// Code is the status of the Close frame (RFC 6455 section 7.4); 1005: it had none.
	Code int
	// Text is the reason in the Close frame, as the server sent it; it may be empty.
	Text string
}

// Error returns the text and the code.
func (e *CloseError) Error() string {
	text := ErrClosedByServer.Error()
	if e.Text != "" {
		text += ": " + e.Text
	}
	return fmt.Sprintf("%s (WebSocket close code %d)", text, e.Code)
}

// Unwrap returns ErrClosedByServer.
func (e *CloseError) Unwrap() error { return ErrClosedByServer }

// HandshakeError means that the server did not accept a WebSocket handshake.
type HandshakeError struct {
	// Status is the HTTP status of the answer; 0: the answer was not HTTP.
	Status int
	// Text is the first line of the answer's body, as the server sent it, or says what is
	// wrong with the answer.
	Text string
}

// Error returns the status and the text.
func (e *HandshakeError) Error() string {
	text := "the server does not answer in HTTP"
	if e.Status != 0 {
		text = strings.TrimSpace(fmt.Sprintf("the server answers the WebSocket handshake with HTTP status %d %s", e.Status, http.StatusText(e.Status)))
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// failedHandshake returns the error of a handshake with this answer; nil: no answer came.
func failedHandshake(answer *http.Response, err error) error {
	var request *url.Error
	switch {
	case answer != nil && answer.StatusCode == http.StatusSwitchingProtocols:
		return &HandshakeError{answer.StatusCode, lastWord(err)}
	case answer != nil:
		body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswerText)) // what there is of it
		line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
		return &HandshakeError{answer.StatusCode, strings.TrimSpace(line)}
	case errors.As(err, &request):
		err = request.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "malformed HTTP") {
		return &HandshakeError{}
	}
	return err
}

// lastWord returns the text of the innermost error.
func lastWord(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// explainHandshake returns what to do about a handshake that failed.
func explainHandshake(e *HandshakeError) string {
	if saysTLS(e.Text) {
		return useTLS
	}
	switch e.Status {
	case 0:
		return "it may be a listener of the packet dialect: use its address without ws:// (--door packet), or correct the address"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "check the path: a holdfast server has its WebSocket listener at /ws"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "the server has too many connections: try again later"
	case http.StatusUpgradeRequired, http.StatusBadRequest:
		return "something between this program and the server may have changed the request: connect without a proxy, or make it pass the headers Upgrade and Connection on"
	}
	return "check the address: another service than holdfast's WebSocket listener may be there"
}
