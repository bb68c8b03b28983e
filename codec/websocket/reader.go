package websocket

// Reader opens the frames of one direction of a connection, whatever pieces the bytes arrive
// in. The zero value reads what a client sends.
//
// It checks what RFC 6455 demands of a peer: reserved bits and opcodes, masking, lengths in
// their shortest form and of 63 bits at most, control frames (at most 125 bytes, not
// fragmented), the order of fragments, UTF-8 of text, and the payload of Close. Every byte
// is checked as soon as it is there.
//
// Limit: an idle Reader has no memory but its own few bytes. For an incomplete message it
// has at most twice what has arrived, and nothing after the message.
//
// Goroutine: one at a time.
type Reader struct {
	// Client: read what a server sends.
	Client bool
	open   *incomplete // nil between messages
}

// incomplete is a message or control frame whose end has not arrived.
type incomplete struct {
	message []byte // payload of the message so far
	control []byte // payload of the control frame so far
	// op is that of the message, 0 while there is only a control frame or a part of a header.
	op   Opcode
	text utf8State

	header    [maxHeader]byte // of the next frame, as far as it has arrived
	headerLen uint8
	inFrame   bool   // the header is complete, the payload is not
	frame     header // the current frame; its length is what is missing of it
}

// Next takes bytes from b until one message or control frame is complete, and unmasks in
// place what it takes. most is the largest message in bytes; a frame that declares more is
// refused at once.
//
// used is how many bytes it took. op is 0 while nothing is complete; used is then len(b). For
// OpText and OpBinary payload is the whole message, for OpClose see ParseClose. payload
// aliases b or memory of the Reader and is valid until the next call. err is a *CloseError;
// the Reader can't be used after it.
func (r *Reader) Next(b []byte, most int) (used int, op Opcode, payload []byte, err error) {
	if r.open == nil {
		used, op, payload, err = r.whole(b, most)
		if op != 0 || err != nil || len(b) == 0 {
			return used, op, payload, err
		}
		r.open = new(incomplete)
	}
	o := r.open
	for used < len(b) && op == 0 && err == nil {
		var n int
		if !o.inFrame {
			n, err = o.takeHeader(b[used:], limits{r.Client, o.op != 0, most - len(o.message)})
			used += n
		}
		if o.inFrame {
			n, op, payload, err = o.takePayload(b[used:])
			used += n
		}
	}
	if err != nil {
		r.open = nil
		return 0, 0, nil, err
	}
	if !o.inFrame && o.headerLen == 0 && o.op == 0 {
		r.open = nil
	}
	return used, op, payload, nil
}

// whole opens a message or control frame that is one frame and complete in b. op is 0 if it
// is not.
func (r *Reader) whole(b []byte, most int) (used int, op Opcode, payload []byte, err error) {
	h, n, err := parseHeader(b, limits{r.Client, false, most})
	if err != nil {
		return 0, 0, nil, err
	}
	if n == 0 || !h.final || h.length > len(b)-n {
		return 0, 0, nil, nil
	}
	used = n + h.length
	payload = b[n:used:used]
	unmask(payload, h.key)
	var text utf8State
	switch {
	case h.op == OpClose:
		err = checkClose(payload)
	case h.op == OpText && (!text.add(payload) || !text.complete()):
		err = errNotUTF8
	}
	if err != nil {
		return 0, 0, nil, err
	}
	return used, h.op, payload, nil
}

// takeHeader takes bytes of b until the header of a frame is complete.
func (o *incomplete) takeHeader(b []byte, l limits) (used int, err error) {
	had := int(o.headerLen)
	gathered := had + copy(o.header[had:], b)
	h, n, err := parseHeader(o.header[:gathered], l)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		o.headerLen = uint8(gathered)
		return gathered - had, nil
	}
	o.headerLen, o.inFrame, o.frame = 0, true, h
	switch {
	case h.op.isControl():
		o.control = o.control[:0]
	case h.op != OpContinuation:
		o.op = h.op
	}
	return n - had, nil
}

// takePayload takes bytes of b that belong to the current frame. op is not 0 if they complete
// a message or control frame.
func (o *incomplete) takePayload(b []byte) (used int, op Opcode, payload []byte, err error) {
	used = min(len(b), o.frame.length)
	piece := b[:used]
	o.frame.key = unmask(piece, o.frame.key)
	if o.frame.op.isControl() {
		o.control = append(o.control, piece...)
	} else {
		if o.op == OpText && !o.text.add(piece) {
			return 0, 0, nil, errNotUTF8
		}
		o.append(piece)
	}
	o.frame.length -= used
	if o.frame.length > 0 {
		return used, 0, nil, nil
	}
	o.inFrame = false
	if o.frame.op.isControl() {
		if o.frame.op == OpClose {
			err = checkClose(o.control)
		}
		return used, o.frame.op, o.control, err
	}
	if !o.frame.final {
		return used, 0, nil, nil
	}
	if !o.text.complete() {
		return 0, 0, nil, errNotUTF8
	}
	op, o.op = o.op, 0
	return used, op, o.message, nil
}

// append appends a piece of the current frame to the message. It grows with what arrives,
// never to what is declared.
func (o *incomplete) append(piece []byte) {
	if need := len(o.message) + len(piece); need > cap(o.message) {
		size := max(need, 2*cap(o.message))
		if o.frame.final {
			size = min(size, len(o.message)+o.frame.length)
		}
		o.message = append(make([]byte, 0, size), o.message...)
	}
	o.message = append(o.message, piece...)
}

// Pending reports whether a frame or message is incomplete.
func (r *Reader) Pending() bool { return r.open != nil }

// Buffered returns how many bytes of payload the Reader has memory for: 0 unless a message
// or frame is incomplete.
func (r *Reader) Buffered() int {
	if r.open == nil {
		return 0
	}
	return cap(r.open.message) + cap(r.open.control)
}
