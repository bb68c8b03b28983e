// Package conformance tests WebSocket servers against RFC 6455.
//
// Cases returns the 301 core cases of the Autobahn Testsuite by their numbers: framing
// (1), pings (2), reserved bits (3), opcodes (4), fragmentation (5), UTF-8 (6), closing
// (7), limits (9) and automatic fragmentation (10). Compression (12 and 13) is not among
// them. Case.Run plays the client of one case on a connection. Run dials an echo endpoint
// for each case: one that sends every text and binary message back as it came.
//
// # What a case is
//
// A list of steps, which send right or wrong frames, and what must come back: messages and
// pongs in order, and the way in which the connection ends. Case.Sends and Case.Expects
// describe both in words; the tables are in basic.go, utf8.go, closing.go and limits.go.
//
// # Verdicts
//
// OK and NonStrict are those of the suite. NonStrict is for a server that fails the
// connection as it must, but so early that it drops echoes which it owed, or in section
// 6.4 only at the end of the message. All else is Failed, also where the suite reports the
// events and the close apart: a wrong close code, a missing close frame, or a server that
// leaves the connection open. Payloads are compared byte for byte in all sections. The
// server's own frames are checked, too: mask, reserved bits, opcodes, lengths, UTF-8.
//
// Cases 7.1.6, 7.13.1 and 7.13.2 are informational: the RFC leaves the answer open. They
// pass if nothing but echoes arrives and the connection ends.
//
// # How bytes are cut
//
// Consecutive frames of a step are one write, or one write each, or pieces of some bytes,
// as the suite does it. A write has at most 256 KiB; Settings.Pieces cuts further. On TCP
// the kernel may still join pieces before the server reads them; on net.Pipe every write is
// one read or more.
//
// Frames are written and read here, without codec/websocket: a test must be able to send wrong
// frames, and must not share the mistakes of the server that it tests.
//
// Goroutine: any. Limit: a message of the server may have as many bytes as the client sends
// in the whole case; a longer one fails the case.
package conformance
