package websocket

import (
	"testing"
	"unicode/utf8"
)

// check runs the checker over a text in two pieces.
func check(text []byte, cut int) bool {
	var s utf8State
	return s.add(text[:cut]) && s.add(text[cut:]) && s.complete()
}

// The checker agrees with package utf8: on all runes, and on all starts of two bytes with any
// continuation.
func TestUTF8State(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if text := utf8.AppendRune(nil, r); !check(text, len(text)/2) {
			t.Fatalf("refuses %U", r)
		}
	}
	for first := range 1 << 16 {
		for _, rest := range []string{"", "a", "\x80", "\xbf", "\xc0", "\x80\x80", "\x80\xc0", "\x80\x80\x80"} {
			text := append([]byte{byte(first >> 8), byte(first)}, rest...)
			for cut := range len(text) + 1 {
				if check(text, cut) != utf8.Valid(text) {
					t.Fatalf("%q cut at %d: %v", text, cut, utf8.Valid(text))
				}
			}
		}
	}
	ascii := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	for i := range ascii {
		text := append([]byte(nil), ascii...)
		if text[i] = 0x80; check(text, 0) {
			t.Errorf("passes a bad byte at %d", i)
		}
	}
}
