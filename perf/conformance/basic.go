package conformance

import (
	"fmt"
	"slices"
)

// Payloads that several cases share.
const (
	hello      = "Hello, world!"
	notUTF8    = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	unassigned = "reserved opcode payload"
	solicited  = "ping payload"
	lonePong   = "unsolicited pong payload"
)

// numbered numbers cases from 1 after the number of their section.
func numbered(section string, cases ...Case) []Case {
	for i := range cases {
		cases[i].number = fmt.Sprintf("%s.%d", section, i+1)
	}
	return cases
}

// framing is section 1: whole messages of all sizes around the limits of the three forms
// of a length, as text (1.1) and binary (1.2).
func framing() []Case {
	sizes := []int{0, 125, 126, 127, 128, 65535, 65536}
	series := func(section, pattern string, message func(payload) frame) []Case {
		var cases []Case
		for _, size := range sizes {
			m := message(repeated(pattern, size))
			cases = append(cases, test(echoes(m), joined(m)))
		}
		m := message(repeated(pattern, 65536))
		return numbered(section, append(cases, test(echoes(m), chopped(997, m)))...)
	}
	return slices.Concat(series("1.1", "*", text), series("1.2", "\xfe", binaryFrame))
}

// pings is section 2: each ping has a pong with its payload, in order; a pong has no answer.
func pings() []Case {
	var none payload
	end := closeFrame(normalClosure, "")
	longest, tooLong := repeated("\xfe", 125), repeated("\xfe", 126)
	var ten, answers []frame
	for i := range 10 {
		p := of(fmt.Sprintf("payload-%d", i))
		ten, answers = append(ten, ping(p)), append(answers, pong(p))
	}
	return numbered("2",
		test(echoes(pong(none)), joined(ping(none))),
		test(echoes(pong(of(hello))), joined(ping(of(hello)))),
		test(echoes(pong(of(notUTF8))), joined(ping(of(notUTF8)))),
		test(echoes(pong(longest)), joined(ping(longest))),
		test(fails(protocolError), joined(ping(tooLong))),
		test(echoes(pong(longest)), chopped(1, ping(longest))),
		test(answered(normalClosure), joined(pong(none), end)),
		test(answered(normalClosure), joined(pong(of(lonePong)), end)),
		test(echoes(pong(of(solicited))), joined(pong(of(lonePong)), ping(of(solicited)))),
		test(echoes(answers...), joined(ten...)),
		test(echoes(answers...), chopped(1, ten...)),
	)
}

// reservedBits is section 3: the server fails the connection at the first frame with a
// reserved bit, and so does not answer the ping after it.
func reservedBits() []Case {
	greeting, probe := text(of(hello)), ping(payload{})
	return numbered("3",
		test(fails(protocolError), joined(greeting.reserved(1))),
		test(fails(protocolError, greeting), joined(greeting, greeting.reserved(2), probe)),
		test(fails(protocolError, greeting), each(greeting, greeting.reserved(3), probe)),
		test(fails(protocolError, greeting), chopped(1, greeting, greeting.reserved(4), probe)),
		test(fails(protocolError), joined(binaryFrame(of(notUTF8)).reserved(5))),
		test(fails(protocolError), joined(binaryFrame(of(hello)).reserved(6))),
		test(fails(protocolError), joined(frame{op: opClose}.reserved(7))),
	)
}

// opcodes is section 4: the server fails the connection at the first frame with a reserved
// opcode, one for data (4.1) or for control frames (4.2).
func opcodes() []Case {
	greeting, probe := text(of(hello)), ping(payload{})
	series := func(section string, first opcode) []Case {
		reserved := func(i opcode, p payload) frame { return frame{op: first + i, payload: p} }
		return numbered(section,
			test(fails(protocolError), joined(reserved(0, payload{}))),
			test(fails(protocolError), joined(reserved(1, of(unassigned)))),
			test(fails(protocolError, greeting), joined(greeting, reserved(2, payload{}), probe)),
			test(fails(protocolError, greeting), joined(greeting, reserved(3, of(hello)), probe)),
			test(fails(protocolError, greeting), chopped(1, greeting, reserved(4, of(hello)), probe)),
		)
	}
	return slices.Concat(series("4.1", 3), series("4.2", 11))
}

// fragmentation is section 5: control frames are never fragmented, but may come between
// the fragments of a message; a continuation needs a message to continue.
func fragmentation() []Case {
	part := func(i int) payload { return of(fmt.Sprintf("fragment%d", i)) }
	first, last := text(part(1)).unfinished(), continuation(part(2))
	whole := text(of("fragment1fragment2"))
	probe, answer := ping(of(solicited)), pong(of(solicited))
	stray, greeting := continuation(of("non-continuation payload")), text(of(hello))

	five := text(of("fragment1fragment2fragment3fragment4fragment5"))
	start := []frame{first, last.unfinished(), ping(of("pongme 1!"))}
	rest := []frame{continuation(part(3)).unfinished(), continuation(part(4)).unfinished(), ping(of("pongme 2!")), continuation(part(5))}
	inOrder := echoes(pong(of("pongme 1!")), pong(of("pongme 2!")), five)

	// 5.16 and 5.17: a stray continuation and a fragmented message, two times.
	twice := func(stray frame) []frame {
		once := []frame{stray, text(part(2)).unfinished(), continuation(part(3))}
		return slices.Concat(once, once)
	}
	return numbered("5",
		test(fails(protocolError), joined(ping(part(1)).unfinished(), last)),
		test(fails(protocolError), joined(pong(part(1)).unfinished(), last)),
		test(echoes(whole), joined(first, last)),
		test(echoes(whole), each(first, last)),
		test(echoes(whole), chopped(1, first, last)),
		test(echoes(answer, whole), joined(first, probe, last)),
		test(echoes(answer, whole), each(first, probe, last)),
		test(echoes(answer, whole), chopped(1, first, probe, last)),
		test(fails(protocolError), joined(stray, greeting)),
		test(fails(protocolError), each(stray, greeting)),
		test(fails(protocolError), chopped(1, stray, greeting)),
		test(fails(protocolError), joined(stray.unfinished(), greeting)),
		test(fails(protocolError), each(stray.unfinished(), greeting)),
		test(fails(protocolError), chopped(1, stray.unfinished(), greeting)),
		test(fails(protocolError, whole), joined(first, last, continuation(part(3)).unfinished(), text(part(4)))),
		test(fails(protocolError), joined(twice(continuation(part(1)).unfinished())...)),
		test(fails(protocolError), joined(twice(continuation(part(1)))...)),
		test(fails(protocolError), joined(first, text(part(2)))),
		test(inOrder, joined(start...), await{}, joined(rest...)),
		test(inOrder, each(start...), await{}, each(rest...)),
	)
}
