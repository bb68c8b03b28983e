package scenario

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/textfile"
)

// line reads the words of a line. After the first mistake its methods return zero values.
type line struct {
	parser *parser
	number int
	usage  string // of the statement, for errors
	words  []word
	wrong  bool
}

// failf records a mistake, unless the line has one already.
func (l *line) failf(format string, args ...any) {
	if !l.wrong {
		l.wrong = true
		l.parser.failf(l.number, format, args...)
	}
}

// wants records that something else was expected than what comes next.
func (l *line) wants(what string) {
	l.failf("want %s, got %s%s", what, l.next(), l.help())
}

// next describes the next word, for errors.
func (l *line) next() string {
	if len(l.words) == 0 {
		return "the end of the line"
	}
	return strconv.Quote(clip(l.words[0].text))
}

// unknown records that the next word is not one of words; what says what these are.
func (l *line) unknown(what string, words []string) {
	hint := textfile.Suggestion(l.words[0].text, words)
	if hint == "" {
		hint = "; it is one of " + strings.Join(words, ", ")
	}
	l.failf("unknown %s %s%s", what, l.next(), hint)
}

// help returns how the statement is written, for errors.
func (l *line) help() string {
	if l.usage == "" {
		return ""
	}
	return "; write: " + l.usage
}

// end records a mistake if words are left.
func (l *line) end() {
	if len(l.words) > 0 {
		l.failf("unexpected %s%s", l.next(), l.help())
	}
}

// peek returns the next word if it is not quoted, else "".
func (l *line) peek() string {
	if l.wrong || len(l.words) == 0 || l.words[0].quoted {
		return ""
	}
	return l.words[0].text
}

// accept skips the next words if they are these.
func (l *line) accept(words ...string) bool {
	if l.wrong || len(l.words) < len(words) {
		return false
	}
	for i, w := range words {
		if l.words[i].quoted || l.words[i].text != w {
			return false
		}
	}
	l.words = l.words[len(words):]
	return true
}

// require is accept of words that must come.
func (l *line) require(words ...string) {
	if !l.accept(words...) {
		l.wants(strconv.Quote(strings.Join(words, " ")))
	}
}

// word returns the next word, which must not be quoted.
func (l *line) word(what string) string {
	if text := l.peek(); text != "" && text != "," {
		l.words = l.words[1:]
		return text
	}
	l.wants(what)
	return ""
}

// oneOf returns the next word, which must be one of words.
func (l *line) oneOf(what string, words []string) string {
	text := l.peek()
	if text == "" {
		l.wants(what)
		return ""
	}
	if !slices.Contains(words, text) {
		l.unknown(what, words)
		return ""
	}
	l.words = l.words[1:]
	return text
}

// text returns the next word, which must be quoted.
func (l *line) text(what string) string {
	if !l.wrong && len(l.words) > 0 && l.words[0].quoted {
		text := l.words[0].text
		l.words = l.words[1:]
		return text
	}
	l.wants(what + ` in ""`)
	return ""
}

// textNext reports whether the next word is quoted.
func (l *line) textNext() bool { return !l.wrong && len(l.words) > 0 && l.words[0].quoted }

// clip shortens a word for a message.
func clip(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// quantity returns the next word as a number of shares, such as 3000 or 3,000.
func (l *line) quantity() client.Quantity {
	text := l.peek()
	n, err := strconv.ParseInt(ungroup(text), 10, 64)
	if err != nil {
		l.wants("a number of shares such as 100")
		return 0
	}
	l.words = l.words[1:]
	return client.Quantity(n)
}

// quantityNext reports whether the next word is a number.
func (l *line) quantityNext() bool {
	_, err := strconv.ParseInt(ungroup(l.peek()), 10, 64)
	return err == nil
}

// count returns the next word as a whole number from 0 to most.
func (l *line) count(what string, most int) int {
	n, err := strconv.Atoi(ungroup(l.peek()))
	if err != nil || n < 0 || n > most {
		l.wants(fmt.Sprintf("%s from 0 to %d", what, most))
		return 0
	}
	l.words = l.words[1:]
	return n
}

// rate returns the next word as a number per second.
func (l *line) rate() float64 {
	v, err := strconv.ParseFloat(l.peek(), 64)
	if err != nil || !(v >= 0 && v <= 1_000_000) {
		l.wants("a number per second from 0 to 1000000")
		return 0
	}
	l.words = l.words[1:]
	return v
}

// money returns the next word as an amount, such as 1000, 1,000.00 or -0.0001.
func (l *line) money() client.Money { return client.Money(l.fixed("an amount such as 29707.43")) }

// price returns the next word as a price.
func (l *line) price() client.Price { return client.Price(l.fixed("a price such as 9.90")) }

func (l *line) fixed(what string) int64 {
	v, ok := parseFixed(l.peek())
	if !ok {
		l.wants(what)
		return 0
	}
	l.words = l.words[1:]
	return v
}

// ungroup removes the commas between the digits of a number.
func ungroup(text string) string { return strings.ReplaceAll(text, ",", "") }

// parseFixed parses a number with up to four decimals, in 1/10000.
func parseFixed(text string) (int64, bool) {
	digits, negative := strings.CutPrefix(ungroup(text), "-")
	whole, fraction, hasPoint := strings.Cut(digits, ".")
	if hasPoint && fraction == "" || len(fraction) > 4 || whole == "" {
		return 0, false
	}
	digits = whole + fraction + "0000"[len(fraction):]
	v, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || v > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(v), true
	}
	return int64(v), true
}

// duration returns the next word as a duration, such as 90s, 1h30m or 2d.
func (l *line) duration() time.Duration {
	d, ok := parseDuration(l.peek())
	if !ok {
		l.wants("a duration such as 500ms, 1m or 2d")
		return 0
	}
	l.words = l.words[1:]
	return d
}

const (
	day             = 24 * time.Hour
	longestDuration = 3650 * day
)

func parseDuration(text string) (time.Duration, bool) {
	var d time.Duration
	if days, rest, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		d, text = time.Duration(n)*day, rest
		if text == "" {
			return d, d <= longestDuration
		}
	}
	more, err := time.ParseDuration(text)
	if err != nil || more < 0 || more > longestDuration || d > longestDuration {
		return 0, false
	}
	return d + more, true
}

// instrument returns the next word as an instrument.
func (l *line) instrument() instrument {
	i := instrument{l.word("an instrument such as 600100"), l.number}
	if !l.wrong {
		l.parser.named = append(l.parser.named, i)
	}
	return i
}

// client returns the next word as the name of a client.
func (l *line) client() string {
	name := l.word("the name of a client")
	l.checkClient(name)
	return name
}

// customer returns the next word as the name of a client that is not an extra session.
func (l *line) customer() string {
	name := l.client()
	customer, _, extra := strings.Cut(name, "/")
	if extra && !l.wrong {
		l.failf("%q is a session: name the client %q", name, customer)
	}
	return customer
}

func (l *line) checkClient(name string) {
	if l.wrong || l.parser.hasClient(name) {
		return
	}
	names := l.parser.clientNames()
	hint := textfile.Suggestion(name, names)
	switch {
	case len(names) == 1:
		hint += "; name the clients before the first step: clients " + clip(name)
	case hint == "":
		hint = "; the clients are " + strings.Join(names, ", ")
	}
	l.failf("unknown client %q%s", clip(name), hint)
}

// order returns the next word as the name of an order.
func (l *line) order() string {
	name := l.word("the name of an order, which \"as\" has assigned")
	if l.wrong {
		return ""
	}
	if _, found := l.parser.orders[name]; !found {
		names := slices.Sorted(maps.Keys(l.parser.orders))
		hint := textfile.Suggestion(name, names)
		switch {
		case len(names) == 0:
			hint += `; name one with "as": buy 100 600100 as a1`
		case hint == "":
			hint = "; the orders so far are " + strings.Join(names, ", ")
		}
		l.failf("unknown order %q%s", clip(name), hint)
	}
	return name
}

// execution is an execution as a scenario names it: "a1" for the only one of the order a1, or
// "a1/2" for its second one.
type execution struct {
	order  string
	number int // 0: the only one
}

// String returns the execution as a file has it.
func (x execution) String() string {
	if x.number == 0 {
		return x.order
	}
	return fmt.Sprintf("%s/%d", x.order, x.number)
}

// execution returns the next word as an execution.
func (l *line) execution() execution {
	text := l.peek()
	name, number, found := strings.Cut(text, "/")
	var x execution
	if found {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			l.wants("an execution such as a1/2, the second one of the order a1")
			return x
		}
		x.number = int(n)
		l.words = slices.Clone(l.words)
		l.words[0].text = name
	}
	x.order = l.order()
	return x
}
