// Package goconn carries the engine's sessions on a goroutine per connection, as
// most Go servers do, so that the reactor can be compared with that: the same
// router, handlers, limits and commits on other plumbing.
//
// It serves the packet dialect only.
//
// There are four styles (Style), each as good as its design allows:
//
//   - textbook: a goroutine per connection reads the length, then the rest into a
//     new slice, executes the frame and writes the reply.
//   - buffered: with a 4 KiB reader and writer; written when no further whole
//     frame waits in the reader.
//   - pooled: the same with readers, writers and large frames used again, and
//     frames executed where they lie in the reader: no allocation per request.
//   - readwriter: a reader and a writer goroutine per connection, a channel
//     between them, and ten workers that execute; one write per message.
//
// Goroutines: a reply goes out from the goroutine that executed the request.
// What others send to a session (commits, pushes, closes) goes through a pusher,
// the engine's Carrier here: one goroutine for each processor that Go may use,
// which is the "event loop" of the engine's comments.
//
// Nothing waits for a slow peer: what its socket does not take is kept, within
// the engine's OutboundHardBytes, and sent by a goroutine of its own. In the style
// readwriter it stands in the session's channel; when that is full, the worker or
// pusher that has more for it waits, and after a second closes the session.
//
// Limits: those of the engine, but for the requests in flight, which here only
// a peer's unread replies bound.
package goconn
