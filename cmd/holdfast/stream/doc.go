// Package stream writes to the standard streams of the program, whose reader may be slow,
// stop reading, or go away.
//
// A write waits until its bytes are written, as with a file. Once the command is being
// stopped it waits at most [Patience] more, so that a paused terminal or a full pipe does
// not prevent the stop. A server, which must never wait for the reader of its log, calls
// NeverWait: what does not fit into [LimitBytes] is dropped, and counted by line.
//
// Goroutine: any. Only one goroutine at a time writes to the stream, and only while there
// is something to write; it remains if the stream blocks forever.
package stream
