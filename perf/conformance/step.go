package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// step is one action of the client. run reports whether the case goes on.
type step interface {
	run(x *exchange) bool
	size() int // in bytes that it sends
	String() string
}

// send sends frames.
type send struct {
	frames []frame
	piece  int // longest write in bytes, or one of the constants
}

const (
	joinedWrite = 0  // one write for all frames
	perFrame    = -1 // one write per frame
)

// joined sends frames in one write.
func joined(frames ...frame) step { return send{frames, joinedWrite} }

// each sends frames in one write each.
func each(frames ...frame) step { return send{frames, perFrame} }

// chopped sends frames in writes of at most piece bytes.
func chopped(piece int, frames ...frame) step { return send{frames, piece} }

func (s send) run(x *exchange) bool {
	for _, f := range s.frames {
		x.closeSent = x.closeSent || f.op == opClose
		x.out.add(f)
		if s.piece == perFrame {
			x.out.flush(0)
		}
	}
	x.out.flush(max(s.piece, 0))
	return true
}

func (s send) size() int {
	n := 0
	for _, f := range s.frames {
		n += f.size()
	}
	return n
}

// String describes the frames.
func (s send) String() string {
	var parts []string
	for _, f := range s.frames {
		parts = append(parts, f.String())
	}
	all := strings.Join(parts, ", ")
	switch {
	case s.piece > 0:
		return all + " in pieces of " + strconv.Itoa(s.piece)
	case s.piece == perFrame:
		return all + " in one write each"
	}
	return all
}

// fragmented sends a message in frames with at most fragment bytes of payload, in one write.
type fragmented struct {
	frame    frame
	fragment int
}

func (s fragmented) run(x *exchange) bool { return joined(s.frame.fragments(s.fragment)...).run(x) }

func (s fragmented) size() int {
	part, last := s.frame, s.frame
	part.payload.size = s.fragment
	last.payload.size = s.frame.payload.size % s.fragment
	n := s.frame.payload.size / s.fragment * part.size()
	if last.payload.size > 0 {
		n += last.size()
	}
	return n
}

func (s fragmented) String() string {
	return fmt.Sprintf("%v in fragments of %d", s.frame, s.fragment)
}

// sendPart sends the bytes of a frame from one position of its payload to another; the
// first part has the header, too.
type sendPart struct {
	frame    frame
	from, to int
}

func (s sendPart) run(x *exchange) bool {
	x.out.addPart(s.frame, s.from, s.to)
	x.out.flush(0)
	return true
}

func (s sendPart) size() int {
	if s.from > 0 {
		return s.to - s.from
	}
	return s.frame.headerSize() + s.to
}

func (s sendPart) String() string {
	return fmt.Sprintf("%v, payload bytes %d to %d", s.frame, s.from, s.to)
}

// hold waits for a pause. The case goes on if the server sends nothing in it.
type hold struct{}

func (hold) run(x *exchange) bool {
	e, ok := x.wait()
	if ok {
		return x.take(e)
	}
	return x.take(event{op: opSilence})
}

func (hold) size() int      { return 0 }
func (hold) String() string { return "a pause" }

// await waits until the server has sent something, or for a pause.
type await struct{}

func (await) run(x *exchange) bool {
	e, ok := x.wait()
	return !ok || x.take(e)
}

func (await) size() int      { return 0 }
func (await) String() string { return "a pause, or until the answer" }

// roundTrips sends a frame a number of times, each time after the echo of the last one.
type roundTrips struct {
	frame frame
	times int
}

func (s roundTrips) run(x *exchange) bool {
	want := event{op: s.frame.op, payload: s.frame.payload}
	for range s.times {
		x.out.add(s.frame)
		x.out.flush(0)
		if e := <-x.events; !e.equal(want) {
			return x.take(e)
		}
	}
	return x.take(event{op: opRoundTrips, payload: repeated("\x00", s.times)})
}

func (s roundTrips) size() int      { return s.times * s.frame.size() }
func (s roundTrips) String() string { return fmt.Sprintf("%d times %v", s.times, s.frame) }
