package scenario

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a word of a line. A quoted one may be empty and have blanks.
type word struct {
	text   string
	quoted bool
}

var (
	errUnclosed = errors.New(`a text that starts with " has no end`)
	errQuoted   = errors.New(`a blank is missing after a text in ""`)
	errText     = errors.New("not printable UTF-8")
)

// split splits a line into words. It returns whether the line is indented. A word that starts
// with # and everything after it is a comment. A comma after a word is a word. In quotes, \" is a
// quote and \\ a backslash.
func split(line string) (words []word, indented bool, err error) {
	if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) && !unicode.IsSpace(r) }) {
		return nil, false, errText
	}
	rest := strings.TrimLeftFunc(line, unicode.IsSpace)
	indented = len(rest) < len(line)
	for rest = strings.TrimSpace(rest); rest != "" && rest[0] != '#'; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		var w word
		if rest[0] == '"' {
			if w, rest, err = quoted(rest); err != nil {
				return nil, indented, err
			}
			words = append(words, w)
			continue
		}
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		w.text, rest = rest[:end], rest[end:]
		text := strings.TrimRight(w.text, ",")
		if text != "" {
			words = append(words, word{text: text})
		}
		if text != w.text {
			words = append(words, word{text: ","})
		}
	}
	return words, indented, nil
}

// quoted reads a text that starts with a quote.
func quoted(text string) (w word, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			rest = text[i+1:]
			if rest != "" && rest[0] != ',' && !unicode.IsSpace(rune(rest[0])) {
				return w, "", errQuoted
			}
			return word{b.String(), true}, rest, nil
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return w, "", errUnclosed
}

// String returns the word as a file has it.
func (w word) String() string {
	if !w.quoted {
		return w.text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w.text) + `"`
}
