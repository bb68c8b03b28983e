package ledger

import (
	"unicode"
	"unicode/utf8"
)

// MaxReason is the longest reason of a bust, in bytes.
const MaxReason = 120

// ValidReason reports whether a new bust can have this reason: printable text in UTF-8 of
// at most MaxReason bytes; it may be empty. Other people's screens show it, so it has no
// line ends and no control characters.
func ValidReason(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return storableReason(s)
}

// storableReason reports whether an event can have this reason.
func storableReason(s string) bool { return len(s) <= MaxReason && utf8.ValidString(s) }
