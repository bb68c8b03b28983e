package table

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Escape returns text from others (names, reasons, a server's messages) so that it can't
// forge a line, move the cursor or reverse the direction of writing: invalid UTF-8 and all
// characters that are neither visible nor blanks become Go escapes, such as \n, \x1b and
// \u202e.
func Escape(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, invisible) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || invisible(r) {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
		text = text[size:]
	}
	return b.String()
}

func invisible(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }

// Width returns how many columns of a terminal text takes: two for wide characters, none
// for combining ones.
func Width(text string) int { return uniseg.StringWidth(text) }

// Cut returns the longest start of text that takes at most width columns.
func Cut(text string, width int) string {
	end, taken, state := 0, 0, -1
	for rest := text; rest != ""; {
		var cluster string
		var columns int
		cluster, rest, columns, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if taken += columns; taken > width {
			break
		}
		end += len(cluster)
	}
	return text[:end]
}
