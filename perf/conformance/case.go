package conformance

import (
	"slices"
	"strings"
)

// Case is one case of the suite. The zero value is no case: see Cases.
type Case struct {
	number string
	steps  []step
	want   want
}

// Number returns the number of the case in the suite, such as "6.4.1".
func (c Case) Number() string { return c.number }

// Sends describes what the client sends before it closes the connection.
func (c Case) Sends() string {
	var parts []string
	for _, s := range c.steps {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, "; ")
}

// Expects describes what passes.
func (c Case) Expects() string { return c.want.String() }

// Bytes returns how many bytes the frames of the case have, without the handshake and the
// close frames that end a case.
func (c Case) Bytes() int {
	n := 0
	for _, s := range c.steps {
		n += s.size()
	}
	return n
}

// Cases returns all cases, in the order of the suite.
func Cases() []Case {
	return slices.Concat(framing(), pings(), reservedBits(), opcodes(), fragmentation(),
		utf8Handling(), closing(), limits(), autoFragmentation())
}

// test returns a case without a number.
func test(w want, steps ...step) Case { return Case{steps: steps, want: w} }

// Codes of close frames, RFC 6455 section 7.4.1.
const (
	normalClosure  = 1000
	protocolError  = 1002
	invalidPayload = 1007
)

// ending is the way in which the connection of a case must end.
type ending int

const (
	// clientCloses: after all events the client closes with 1000, and the server answers
	// with a close frame and closes the connection.
	clientCloses ending = iota
	// closeAnswered: the steps close the connection, and the server answers as above.
	closeAnswered
	// closeRefused: the steps close the connection in a wrong way. The server sends a close
	// frame with an error, or none, and closes the connection.
	closeRefused
	// serverFails: the server fails the connection, with a close frame or without.
	serverFails
	// anyEnding: the connection ends.
	anyEnding
)

// want is what a case expects.
type want struct {
	events  []event
	lenient []event // also passes, as NonStrict, unless it is nil
	prefix  bool    // any number of the events, from the first, passes
	ending  ending
	codes   []int // of the server's close frame; a close frame without a code passes, too
}

// echoes is for frames that come back before the client closes the connection.
func echoes(frames ...frame) want {
	return want{events: eventsOf(frames), ending: clientCloses, codes: []int{normalClosure}}
}

// fails is for a server that must fail the connection after it has sent these frames.
func fails(code int, frames ...frame) want {
	w := want{events: eventsOf(frames), ending: serverFails, codes: []int{code}}
	if len(frames) > 0 {
		w.lenient = []event{}
	}
	return w
}

// answered is for steps that close the connection.
func answered(codes ...int) want { return want{ending: closeAnswered, codes: codes} }

// refused is for steps that close the connection in a wrong way.
func refused(codes ...int) want { return want{ending: closeRefused, codes: codes} }

func eventsOf(frames []frame) []event {
	var events []event
	for _, f := range frames {
		events = append(events, event{op: f.op, payload: f.payload})
	}
	return events
}

// possible reports whether the events so far may still become those that pass.
func (w want) possible(got []event) bool {
	return startsWith(w.events, got) || w.lenient != nil && startsWith(w.lenient, got)
}

// complete reports whether all events have come.
func (w want) complete(got []event) bool {
	return len(got) == len(w.events) && startsWith(w.events, got)
}

// verdict returns the verdict for the events alone.
func (w want) verdict(got []event) Verdict {
	switch {
	case w.complete(got), w.prefix && startsWith(w.events, got):
		return OK
	case w.lenient != nil && len(got) == len(w.lenient) && startsWith(w.lenient, got):
		return NonStrict
	}
	return Failed
}

func startsWith(all, start []event) bool {
	return len(start) <= len(all) && slices.EqualFunc(all[:len(start)], start, event.equal)
}

// String describes what passes.
func (w want) String() string {
	var parts []string
	for _, e := range w.events {
		parts = append(parts, e.String())
	}
	if w.prefix {
		parts = append(parts, "each or fewer of them")
	}
	code := "close " + joinCodes(w.codes)
	switch w.ending {
	case clientCloses, closeAnswered:
		parts = append(parts, code+" as the answer to the client's close")
	case closeRefused, serverFails:
		parts = append(parts, code+" or no close frame")
	case anyEnding:
		parts = append(parts, "any close frame or none")
	}
	return strings.Join(append(parts, "end of the connection"), ", ")
}
