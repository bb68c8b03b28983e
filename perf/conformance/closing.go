package conformance

import "slices"

// closing is section 7: how the server answers a close frame, right or wrong.
func closing() []Case {
	normal, empty := closeFrame(normalClosure, ""), frame{op: opClose}
	greeting := text(of("Hello World!"))
	first, last := text(of("fragment1")).unfinished(), continuation(of("fragment2"))
	large := text(repeated("BAsd7&jh23", 256<<10))
	undefined := want{ending: anyEnding}
	largeFirst := want{events: eventsOf([]frame{large, greeting}), prefix: true, ending: anyEnding}
	return slices.Concat(
		// After the close frame, the server ignores all that comes.
		numbered("7.1",
			test(echoes(greeting), joined(greeting)),
			test(answered(normalClosure), joined(normal, empty)),
			test(answered(normalClosure), joined(normal, ping(payload{}))),
			test(answered(normalClosure), joined(normal, greeting)),
			test(answered(normalClosure), joined(first, normal, last)),
			test(largeFirst, joined(large, greeting, normal, ping(payload{}))),
		),
		// The payload is nothing, or a code and a reason, at most 125 bytes together.
		numbered("7.3",
			test(answered(normalClosure), joined(empty)),
			test(refused(protocolError), joined(frame{op: opClose, payload: of("a")})),
			test(answered(normalClosure), joined(normal)),
			test(answered(normalClosure), joined(closeFrame(normalClosure, "Hello World!"))),
			test(answered(normalClosure), joined(closeFrame(normalClosure, string(repeated("*", 123).appendTo(nil))))),
			test(refused(protocolError), joined(closeFrame(normalClosure, string(repeated("*", 124).appendTo(nil))))),
		),
		numbered("7.5", test(refused(protocolError, invalidPayload), joined(closeFrame(normalClosure, spoiled)))),
		numbered("7.7", codes(func(code int) want { return answered(normalClosure, code) },
			1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)...),
		numbered("7.9", codes(func(int) want { return refused(protocolError) },
			0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)...),
		numbered("7.13", codes(func(int) want { return undefined }, 5000, 65535)...),
	)
}

// codes returns one case per code of a close frame.
func codes(expects func(code int) want, all ...int) []Case {
	var cases []Case
	for _, code := range all {
		cases = append(cases, test(expects(code), joined(closeFrame(code, ""))))
	}
	return cases
}
