package conformance_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"
)

// faults are mistakes of an echoServer. Without one it is a strict server.
type faults struct {
	wrongByte         bool // the last byte of an echo is wrong
	wrongType         bool // binary messages come back as text
	wrongPong         bool // a pong has a payload that is not that of the ping
	lazyPong          bool // pongs come right before the echo of an unfinished message
	hugeEcho          bool // its echo claims to have 2^62 bytes
	latePong          bool // pongs come after the echo of an unfinished message
	noPong            bool
	anyReserved       bool // reserved bits are ignored
	anyOpcode         bool // reserved opcodes are ignored
	anyText           bool // text need not be UTF-8
	lateText          bool // text is checked when the message is complete
	anyContinuation   bool // a continuation starts a message, a new message continues one
	fragmentedPing    bool // control frames may be fragmented
	longControl       bool // control frames may be long
	anyClose          bool // the payload of a close frame is echoed unchecked
	onlyProtocol      bool // 1002 also for wrong text
	leavesOpen        bool // never closes the connection
	noCloseFrame      bool // closes the connection without a close frame
	otherCode         bool // answers each close frame with 1001
	closesAfterEcho   bool // closes the connection after the first echo
	frameAfterClose   bool // sends a ping after its close frame
	answersAfterClose bool // answers frames that came with the close frame
	masks             bool // its frames have a mask
	reserves          bool // its frames have a reserved bit
	longLength        bool // its frames have lengths in more bytes than they need
	fragmentsPong     bool // its pongs are fragmented
	unsolicited       bool // sends a pong at the start
	dropsEchoes       bool // when it fails a connection, it drops the echo before
	wrongFragments    bool // sends each echo as two first fragments
	opcode3           bool // echoes with opcode 3
	shortClose        bool // its close frames have one byte
	closeNotUTF8      bool // its close frames have a reason that is not UTF-8
	longPong          bool // its pongs have 126 bytes
	echoTwice         bool // sends each echo two times
	continuationEcho  bool // echoes with a continuation frame
	echoNotUTF8       bool // its echo of text is not UTF-8
}

// Codes of close frames.
const (
	normal   = 1000
	protocol = 1002
	badText  = 1007
)

// failure is the code with which the server fails a connection.
type failure int

func (failure) Error() string { return "connection failed" }

var errClosed = errors.New("closed")

// echoServer is a small server for the other side of a case. It reads a text frame byte by
// byte as it comes, so that it fails at the first wrong byte.
type echoServer struct {
	faults
	conn    io.ReadWriteCloser
	r       *bufio.Reader
	op      byte
	started bool // a message is unfinished
	message []byte
	checked int    // bytes of message that are whole characters
	held    []byte // output to write
	pongs   []byte
}

// serve handles one connection after the handshake.
func serve(conn io.ReadWriteCloser, f faults) {
	s := &echoServer{faults: f, conn: conn, r: bufio.NewReader(conn)}
	if s.unsolicited {
		s.send(10, nil)
	}
	var err error
	for err == nil {
		if err = s.frame(); err == nil && s.r.Buffered() == 0 {
			err = s.flush()
		}
	}
	var code failure
	if errors.As(err, &code) {
		if s.dropsEchoes {
			s.held = nil
		}
		if s.onlyProtocol {
			code = protocol
		}
		s.sendClose(binary.BigEndian.AppendUint16(nil, uint16(code)))
	}
	_ = s.flush()
	if s.leavesOpen || s.answersAfterClose && errors.Is(err, errClosed) {
		s.afterClose()
	}
	_ = conn.Close()
}

func (s *echoServer) afterClose() {
	if s.leavesOpen {
		_, _ = io.Copy(io.Discard, s.r)
		return
	}
	for s.r.Buffered() > 0 {
		_ = s.frame()
		_ = s.flush()
	}
}

func (s *echoServer) flush() error {
	if len(s.held) == 0 {
		return nil
	}
	_, err := s.conn.Write(s.held)
	s.held = s.held[:0]
	return err
}

func (s *echoServer) send(op byte, body []byte) {
	first := 0x80 | op
	if s.reserves {
		first |= 0x40
	}
	if s.fragmentsPong && op == 10 {
		first &^= 0x80
	}
	var mask byte
	if s.masks {
		mask = 0x80
	}
	switch n := len(body); {
	case s.longLength:
		s.held = binary.BigEndian.AppendUint16(append(s.held, first, mask|126), uint16(n))
	case n < 126:
		s.held = append(s.held, first, mask|byte(n))
	case n < 1<<16:
		s.held = binary.BigEndian.AppendUint16(append(s.held, first, mask|126), uint16(n))
	default:
		s.held = binary.BigEndian.AppendUint64(append(s.held, first, mask|127), uint64(n))
	}
	if s.masks {
		s.held = append(s.held, 0, 0, 0, 0)
	}
	s.held = append(s.held, body...)
}

func (s *echoServer) sendClose(body []byte) {
	switch {
	case s.noCloseFrame:
		return
	case s.otherCode:
		body = []byte{0x03, 0xe9}
	case s.shortClose:
		body = body[:min(1, len(body))]
	case s.closeNotUTF8:
		body = append([]byte{0x03, 0xe8}, 0xff)
	}
	s.send(8, body)
	if s.frameAfterClose {
		s.send(9, nil)
	}
}

// frame reads and answers one frame.
func (s *echoServer) frame() error {
	var head [2]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return err
	}
	fin, op := head[0]&0x80 != 0, head[0]&0x0f
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(s.r, b[:]); err != nil {
			return err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(s.r, b[:]); err != nil {
			return err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	control := op >= 8
	continues := op == 0 || s.anyContinuation && s.started && !control
	switch {
	case head[0]&0x70 != 0 && !s.anyReserved,
		(op > 2 && op < 8 || op > 10) && !s.anyOpcode,
		control && !fin && !s.fragmentedPing,
		control && size > 125 && !s.longControl,
		!control && continues && !s.started && !s.anyContinuation,
		!control && !continues && s.started:
		return failure(protocol)
	}
	var key [4]byte
	if _, err := io.ReadFull(s.r, key[:]); err != nil {
		return err
	}
	if control {
		return s.control(op, key, size)
	}
	if !s.started {
		s.op, s.started, s.checked = op, true, 0
		if op == 0 {
			s.op = 1
		}
	}
	if err := s.body(key, size); err != nil || !fin {
		return err
	}
	return s.echo()
}

// body reads the payload of a data frame.
func (s *echoServer) body(key [4]byte, size uint64) error {
	piece := make([]byte, 64<<10)
	for at := uint64(0); at < size; {
		n, err := s.r.Read(piece[:min(size-at, uint64(len(piece)))])
		if err != nil {
			return err
		}
		for i := range piece[:n] {
			piece[i] ^= key[(at+uint64(i))%4]
		}
		at += uint64(n)
		s.message = append(s.message, piece[:n]...)
		if s.op == 1 && !s.anyText && !s.lateText && !s.valid() {
			return failure(badText)
		}
	}
	return nil
}

// valid reports whether the message so far may be the start of UTF-8 text.
func (s *echoServer) valid() bool {
	for s.checked < len(s.message) {
		rest := s.message[s.checked:]
		if !utf8.FullRune(rest) {
			return true
		}
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return false
		}
		s.checked += n
	}
	return true
}

func (s *echoServer) echo() error {
	if s.op == 1 && !s.anyText && !utf8.Valid(s.message) {
		return failure(badText)
	}
	body, op := s.message, s.op
	s.message, s.started = nil, false
	if s.wrongByte && len(body) > 0 {
		body[len(body)-1] ^= 1
	}
	switch {
	case s.wrongType:
		op = 1
	case s.opcode3:
		op = 3
	case s.continuationEcho:
		op = 0
	}
	if s.echoNotUTF8 && op == 1 {
		body = append([]byte{0xff}, body...)[:len(body)]
	}
	if s.wrongFragments {
		s.held = append(s.held, op, 0)
	}
	if s.hugeEcho {
		s.held = binary.BigEndian.AppendUint64(append(s.held, 0x80|op, 127), 1<<62)
	}
	if s.lazyPong {
		s.held, s.pongs = append(s.held, s.pongs...), nil
	}
	s.send(op, body)
	if s.echoTwice {
		s.send(op, body)
	}
	s.held, s.pongs = append(s.held, s.pongs...), nil
	if s.closesAfterEcho {
		s.sendClose([]byte{0x03, 0xe8})
		return errClosed
	}
	return nil
}

// control reads and answers a control frame.
func (s *echoServer) control(op byte, key [4]byte, size uint64) error {
	body := make([]byte, size)
	if _, err := io.ReadFull(s.r, body); err != nil {
		return err
	}
	for i := range body {
		body[i] ^= key[i%4]
	}
	switch op {
	case 8:
		return s.close(body)
	case 9:
		s.ping(body)
	}
	return nil
}

func (s *echoServer) ping(body []byte) {
	switch {
	case s.noPong:
		return
	case s.wrongPong:
		body = append(body, '!')
	case s.longPong:
		body = make([]byte, 126)
	}
	s.send(10, body)
	if (s.latePong || s.lazyPong) && s.started {
		n := len(body) + 2
		s.pongs = append(s.pongs, s.held[len(s.held)-n:]...)
		s.held = s.held[:len(s.held)-n]
	}
}

func (s *echoServer) close(body []byte) error {
	code := normal
	if len(body) >= 2 {
		code = int(binary.BigEndian.Uint16(body))
	}
	assigned := code >= 1000 && code <= 1011 && (code < 1004 || code > 1006) || code >= 3000 && code < 5000
	switch {
	case s.anyClose:
	case len(body) == 1, !assigned:
		return failure(protocol)
	case len(body) > 2 && !utf8.Valid(body[2:]):
		return failure(badText)
	}
	s.sendClose(body[:min(2, len(body)):min(2, len(body))])
	return errClosed
}
