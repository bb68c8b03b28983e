package conformance

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Texts that several cases share.
const (
	greek   = "κ\u1f79σμε" // with an accent of three bytes
	umlauts = "Hello-µ@ßöäüàá-UTF-8!!"
	// spoiled has a surrogate, and tooHigh a code point above U+10FFFF, which is wrong from
	// its second byte.
	spoiled = greek + "\xed\xa0\x80edited"
	tooHigh = greek + "\xf4\x90\x80\x80edited"
)

// utf8Handling is section 6: text is echoed if it is UTF-8; otherwise the server fails the
// connection with 1007. From 6.5 on, each case is one whole message.
func utf8Handling() []Case {
	var empty payload
	middle := text(of("middle frame payload"))
	cases := slices.Concat(
		numbered("6.1",
			test(echoes(text(empty)), joined(text(empty))),
			test(echoes(text(empty)), joined(text(empty).unfinished(), continuation(empty).unfinished(), continuation(empty))),
			test(echoes(middle), joined(text(empty).unfinished(), continuation(middle.payload).unfinished(), continuation(empty))),
		),
		numbered("6.2",
			test(echoes(text(of(umlauts))), joined(text(of(umlauts)))),
			test(echoes(text(of(umlauts))), joined(text(of("Hello-µ@ßöä")).unfinished(), continuation(of("üàá-UTF-8!!")))),
			test(echoes(text(of(umlauts))), fragmented{text(of(umlauts)), 1}),
			test(echoes(text(of(greek))), fragmented{text(of(greek)), 1}),
		),
		numbered("6.3",
			test(fails(invalidPayload), joined(text(of(spoiled)))),
			test(fails(invalidPayload), fragmented{text(of(spoiled)), 1}),
		),
		failFast(),
	)
	for i, sequences := range utf8Sequences() {
		var series []Case
		for _, s := range sequences {
			w := fails(invalidPayload)
			if utf8.ValidString(s) {
				w = echoes(text(of(s)))
			}
			series = append(series, test(w, joined(text(of(s)))))
		}
		cases = append(cases, numbered("6."+strconv.Itoa(5+i), series...)...)
	}
	return cases
}

// failFast is section 6.4: a text that becomes wrong in the second of three parts, which
// are frames or parts of one frame. A strict server fails the connection before it has the
// third part, another one after it.
func failFast() []Case {
	silence := event{op: opSilence}
	w := want{events: []event{silence}, lenient: []event{silence, silence}, ending: serverFails, codes: []int{invalidPayload}}
	frames := func(a, b int) Case {
		return test(w,
			joined(text(of(tooHigh[:a])).unfinished()), hold{},
			joined(continuation(of(tooHigh[a:b])).unfinished()), hold{},
			joined(continuation(of(tooHigh[b:]))))
	}
	parts := func(a, b int) Case {
		whole := text(of(tooHigh))
		return test(w,
			sendPart{whole, 0, a}, hold{},
			sendPart{whole, a, b}, hold{},
			sendPart{whole, b, len(tooHigh)})
	}
	valid := len(greek)
	return numbered("6.4",
		frames(valid, valid+4),
		frames(valid+1, valid+2), // the second part is the wrong byte alone
		parts(valid, valid+4),
		parts(valid+1, valid+2),
	)
}

// utf8Sequences returns the texts of sections 6.5 to 6.23, most of them from Markus Kuhn's
// UTF-8 decoder test.
func utf8Sequences() [][]string {
	incomplete := []string{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	}
	var prefixes []string
	for i := range len(greek) {
		prefixes = append(prefixes, greek[:i+1])
	}
	return [][]string{
		// 6.5: one to four bytes per character
		{"hello$world", "hello¢world", "hello€world", "hello\U00024b62world", greek},
		// 6.6: every prefix of a text
		prefixes,
		// 6.7 and 6.8: the first character of one to four bytes; of five and six
		{"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
		{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		// 6.9 and 6.10: the last character of one to four bytes; above U+10FFFF
		{"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		// 6.11: the limits of surrogates and of Unicode
		{"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
		// 6.12: continuation bytes without a start
		{
			"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80",
			"\x80\xbf\x80\xbf\x80\xbf", byteRange(0x80, 0xbe, ""),
		},
		// 6.13: start bytes without a continuation
		{
			byteRange(0xc0, 0xde, " "), byteRange(0xe0, 0xee, " "), byteRange(0xf0, 0xf6, " "),
			byteRange(0xf8, 0xfa, " "), byteRange(0xfc, 0xfc, " "),
		},
		// 6.14 and 6.15: the last continuation byte is missing; all of them together
		incomplete,
		{strings.Join(incomplete, "")},
		// 6.16: bytes that never occur
		{"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		// 6.17 to 6.19: too many bytes for a slash, for the last shorter character, for NUL
		{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
		{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"},
		{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"},
		// 6.20 and 6.21: surrogates, single and in pairs
		{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		{
			"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
		},
		// 6.22 and 6.23: code points that are no characters, and specials; all are UTF-8
		nonCharacters(),
		{"\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff"},
	}
}

// byteRange returns the bytes from first to last, with a text after each.
func byteRange(first, last byte, after string) string {
	var b strings.Builder
	for c := first; c <= last; c++ {
		b.WriteByte(c)
		b.WriteString(after)
	}
	return b.String()
}

// nonCharacters returns the last two code points of each plane, in order.
func nonCharacters() []string {
	var all []string
	for plane := rune(0); plane <= 16; plane++ {
		all = append(all, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return all
}
