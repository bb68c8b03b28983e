package conformance

import "slices"

// limits is section 9: large messages, in one frame, in fragments and in pieces, and 1,000
// round trips; text has odd numbers, binary even ones.
func limits() []Case {
	const kiB, miB = 1 << 10, 1 << 20
	large := func(section, pattern string, message func(payload) frame) []Case {
		var cases []Case
		for _, size := range []int{64 * kiB, 256 * kiB, miB, 4 * miB, 8 * miB, 16 * miB} {
			m := message(repeated(pattern, size))
			cases = append(cases, test(echoes(m), joined(m)))
		}
		return numbered(section, cases...)
	}
	inFragments := func(section, pattern string, message func(payload) frame) []Case {
		var cases []Case
		m := message(repeated(pattern, 4*miB))
		for size := 64; size <= 4*miB; size *= 4 {
			cases = append(cases, test(echoes(m), fragmented{m, size}))
		}
		return numbered(section, cases...)
	}
	inPieces := func(section, pattern string, message func(payload) frame) []Case {
		var cases []Case
		m := message(repeated(pattern, miB))
		for size := 64; size <= 2*kiB; size *= 2 {
			cases = append(cases, test(echoes(m), chopped(size, m)))
		}
		return numbered(section, cases...)
	}
	const times = 1000
	oneByOne := want{events: []event{{op: opRoundTrips, payload: repeated("\x00", times)}}, ending: clientCloses, codes: []int{normalClosure}}
	trips := func(section, pattern string, message func(payload) frame) []Case {
		var cases []Case
		for _, size := range []int{0, 16, 64, 256, kiB, 4 * kiB} {
			cases = append(cases, test(oneByOne, roundTrips{message(repeated(pattern, size)), times}))
		}
		return numbered(section, cases...)
	}
	const letters, octets = "BAsd7&jh23", "\x00\xfe\x23\xfa\xf0"
	return slices.Concat(
		large("9.1", letters, text), large("9.2", octets, binaryFrame),
		inFragments("9.3", "*", text), inFragments("9.4", "\xfe", binaryFrame),
		inPieces("9.5", letters, text), inPieces("9.6", octets, binaryFrame),
		trips("9.7", "*", text), trips("9.8", "\xfe", binaryFrame),
	)
}

// autoFragmentation is section 10: a message in fragments of a size that a network likes.
func autoFragmentation() []Case {
	m := text(repeated("*", 65536))
	return numbered("10.1", test(echoes(m), fragmented{m, 1300}))
}
