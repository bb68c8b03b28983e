package websocket_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/codec/websocket"
)

// Whatever pieces the bytes arrive in, a Reader reads the same from them, and its memory is
// bounded by what has arrived.
func FuzzReader(f *testing.F) {
	frames := []frame{{text | part, "Gr\xc3"}, {ping, "ping"}, {continuation, "\xbc\xc3\x9fe"}, {binaryOp, "\x00\xff"}, {closeOp, "\x03\xe8bye"}}
	for _, fromServer := range []bool{false, true} {
		f.Add(encode(fromServer, frames...), fromServer, uint16(1000), uint8(3), uint8(5))
		f.Add(encode(fromServer, frame{text, strings.Repeat("0123456789", 30)}), fromServer, uint16(1000), uint8(100), uint8(1))
	}
	f.Add([]byte("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), false, uint16(10), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, fromServer bool, limit uint16, first, second uint8) {
		whole := websocket.Reader{Client: fromServer}
		want, code, _ := readAll(&whole, b, int(limit))
		var cuts []int
		for at, n := 0, int(first); n > 0 && at+n < len(b); n = int(second) + len(cuts)%2 {
			at += n
			cuts = append(cuts, at)
		}
		for _, cuts := range [][]int{everyByte(b), cuts} {
			r := websocket.Reader{Client: fromServer}
			got, again, _ := readAll(&r, b, int(limit), cuts...)
			if !slices.Equal(got, want) || again != code || r.Pending() != whole.Pending() {
				t.Fatalf("in pieces %q, %d, pending %v; at once %q, %d, pending %v", got, again, r.Pending(), want, code, whole.Pending())
			}
			if r.Buffered() > 2*len(b)+16 || code != 0 && r.Buffered() != 0 {
				t.Fatalf("%d bytes of memory for %d", r.Buffered(), len(b))
			}
		}
		for _, m := range want {
			op, payload, _ := strings.Cut(m, " ")
			if most := map[string]int{"1": int(limit), "2": int(limit), "8": 125, "9": 125, "10": 125}[op]; len(payload) > most {
				t.Fatalf("a payload of %d bytes passed in a frame with opcode %s", len(payload), op)
			}
		}
	})
}

// An accepted handshake has what RFC 6455 demands as net/http reads it, and a refused one has
// an answer that net/http can read.
func FuzzAccept(f *testing.F) {
	f.Add([]byte(handshake()))
	f.Add([]byte(handshake("Connection: keep-alive, Upgrade", "Origin: https://app.example.com", "Sec-WebSocket-Protocol: a, holdfast.v1.json")))
	f.Add([]byte(request("GET http://server/ws?x HTTP/1.1", "Content-Length: 0", "X-Folded: a\r\n b")))
	f.Add([]byte("GET / HTTP/1.0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := websocket.HeaderLen(b, 0)
		for arrived := range len(b) + 1 {
			if early := websocket.HeaderLen(b[:arrived], max(0, arrived-1)); early != 0 {
				if early != n {
					t.Fatalf("byte by byte the header has %d bytes, at once %d", early, n)
				}
				break
			}
		}
		u, err := websocket.Accept(b[:n], options)
		if err != nil {
			var refused *websocket.HandshakeError
			if !errors.As(err, &refused) || u.Response != nil {
				t.Fatalf("%+v, %v", u, err)
			}
			checkAnswer(t, websocket.AppendHTTPError(nil, refused.Status, refused.Text), refused.Status, refused.Text)
			return
		}
		lower := strings.ToLower(string(b[:n]))
		if u.Path != "/ws" || u.Host == "" || strings.Count(lower, "\nsec-websocket-key:") != 1 || strings.Count(lower, "\nhost:") != 1 {
			t.Fatalf("accepted %q as %+v", b[:n], u)
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(u.Response)), nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("answered %q: %v", u.Response, err)
		}
		_ = response.Body.Close()
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b[:n])))
		if err != nil {
			return // net/http also parses the parts of a host, which nobody uses here
		}
		if r.Host != u.Host || r.URL.Path != u.Path || r.Header.Get("Origin") != u.Origin || r.ContentLength != 0 || len(r.TransferEncoding) > 0 ||
			websocket.AcceptKey(r.Header.Get("Sec-WebSocket-Key")) != response.Header.Get("Sec-WebSocket-Accept") {
			t.Fatalf("accepted %q as %+v, net/http reads %+v", b[:n], u, r)
		}
	})
}

// What Next accepts is JSON, and decodes the same after it was encoded again.
func FuzzJSON(f *testing.F) {
	f.Add(placeOrder)
	f.Add(`{"command":"Submit","id":"18446744073709551615","body":"AP8+Pw=="}`)
	f.Add(`{"command":"Quotes","body":{"instruments":[{"market":"ALFA","code":"\u20ac"},{}],"after":null,"limit":1e1}}`)
	f.Add(`{"command":"Login","id":1,"body":{"customer":1001,"token":"AQI_"},"other":[{"a":1.5e3}]}`)
	f.Add(`{"command":"Logout","body":{}}`)
	f.Add(`{"command":"Operate","body":{"fill":{"orderId":"429501024567297","late":true}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := next(text)
		switch {
		case errors.Is(err, codec.ErrBody):
			if m.Command == 0 || len(m.Body) > 0 || errors.Is(err, codec.ErrMessage) {
				t.Fatalf("%v with %d bytes, %v", m.Command, len(m.Body), err)
			}
		case errors.Is(err, codec.ErrMessage):
		case err != nil:
			t.Fatalf("an error of another kind: %v", err)
		case !json.Valid([]byte(text)):
			t.Fatalf("accepted as %v %q", m.Command, m.Body)
		case m.Command != 0:
			checkAgain(t, m)
		}
	})
}

// checkAgain encodes a message, and decodes it.
func checkAgain(t *testing.T, m codec.Message) {
	t.Helper()
	var body codec.Body = codec.Raw(m.Body)
	if message := websocket.NewRequest(m.Command); message != nil {
		if err := message.UnmarshalVT(m.Body); err != nil {
			t.Fatal(err)
		}
		body = message
	}
	encoded := open(t, websocket.JSON{}.AppendPush(nil, m.Command, m.ID, body), text)
	again, err := next(string(encoded))
	if err != nil || again.Command != m.Command || again.ID != m.ID || !bytes.Equal(again.Body, m.Body) {
		t.Fatalf("%s: %v, %d, %q, %v; want %v, %d, %q", encoded, again.Command, again.ID, again.Body, err, m.Command, m.ID, m.Body)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, encoded); err != nil || !bytes.Equal(compact.Bytes(), encoded) {
		t.Fatalf("not compact: %s, %v", encoded, err)
	}
}
