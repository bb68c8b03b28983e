package websocket_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast/codec/websocket"
)

// The examples of RFC 6455 section 5.7.
func TestFramesOfTheRFC(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"text of a server", websocket.AppendFrame(nil, websocket.OpText, []byte("Hello")), "810548656c6c6f"},
		{"text of a client", websocket.AppendMasked(nil, websocket.OpText, 0x37fa213d, []byte("Hello")), "818537fa213d7f9f4d5158"},
		{"ping", websocket.AppendFrame(nil, websocket.OpPing, []byte("Hello")), "890548656c6c6f"},
		{"pong of a client", websocket.AppendMasked(nil, websocket.OpPong, 0x37fa213d, []byte("Hello")), "8a8537fa213d7f9f4d5158"},
		{"256 bytes", websocket.AppendHeader(nil, websocket.OpBinary, 256), "827e0100"},
		{"64 KiB", websocket.AppendHeader(nil, websocket.OpBinary, 64<<10), "827f0000000000010000"},
		{"the longest 1-byte length", websocket.AppendHeader(nil, websocket.OpBinary, 125), "827d"},
		{"the shortest 2-byte length", websocket.AppendHeader(nil, websocket.OpBinary, 126), "827e007e"},
		{"the longest 2-byte length", websocket.AppendHeader(nil, websocket.OpBinary, 65535), "827effff"},
		{"it appends", websocket.AppendFrame([]byte("ab"), websocket.OpBinary, nil), "61628200"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		name string
		code websocket.CloseCode
		text string
		want string
	}{
		{"code and text", websocket.CloseGoingAway, "bye", "\x88\x05\x03\xe9bye"},
		{"code", websocket.CloseNormal, "", "\x88\x02\x03\xe8"},
		{"no status", websocket.CloseNoStatus, "ignored", "\x88\x00"},
		{"too long", websocket.CloseNormal, strings.Repeat("x", 200), "\x88\x7d\x03\xe8" + strings.Repeat("x", 123)},
		{"cut in a rune", websocket.CloseNormal, strings.Repeat("x", 121) + "€€", "\x88\x7b\x03\xe8" + strings.Repeat("x", 121)},
		{"cut after a rune", websocket.CloseNormal, strings.Repeat("x", 120) + "€€", "\x88\x7d\x03\xe8" + strings.Repeat("x", 120) + "€"},
		{"not UTF-8", websocket.CloseNormal, "a\xffb", "\x88\x07\x03\xe8a\uFFFDb"},
	}
	for _, tt := range tests {
		got := websocket.AppendClose([]byte("before"), tt.code, tt.text)
		if string(got) != "before"+tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		r := websocket.Reader{Client: true}
		_, op, payload, err := r.Next(got[len("before"):], 0)
		code, text := websocket.ParseClose(payload)
		if op != websocket.OpClose || err != nil || code != tt.code || !utf8.ValidString(text) {
			t.Errorf("%s: read as %v, %v, %v %q", tt.name, op, err, code, text)
		}
	}
}

// A mask that is used twice is no mask, in any position and length.
func TestAppendMasked(t *testing.T) {
	payload := []byte("a payload of some length, more than eight bytes")
	for n := range payload {
		frame := websocket.AppendMasked([]byte("before"), websocket.OpBinary, 0xF1E2D3C4, payload[:n])
		for i := range n {
			if key := [...]byte{0xF1, 0xE2, 0xD3, 0xC4}; frame[len("before")+6+i] != payload[i]^key[i%4] {
				t.Fatalf("%d bytes: %q", n, frame)
			}
		}
		var r websocket.Reader
		if used, op, got, err := r.Next(frame[len("before"):], 100); used != 6+n || op != websocket.OpBinary || err != nil || !bytes.Equal(got, payload[:n]) {
			t.Fatalf("%d bytes: %d, %v, %q, %v", n, used, op, got, err)
		}
	}
}
