// Package goconn carries the engine's sessions with a goroutine per connection, as most
// Go servers do. It exists to compare the reactor with that design: router, handlers,
// limits and commits are the same, only the carrier differs.
//
// It serves one listener, of the packet dialect unless Config.Dialect says otherwise.
//
// There are five styles (Style), each as good as its design allows:
//
//   - textbook: a goroutine per connection reads the length, then the rest into a
//     new slice, executes the frame and writes the reply.
//   - buffered: with a 4 KiB reader and writer; flushes when no further complete
//     frame waits in the reader.
//   - pooled: the same with pooled readers, writers and large frames;
//     executes frames inside the reader's buffer: no allocation per request.
//   - readwriter: a reader and a writer goroutine per connection, a channel
//     between them, and ten workers that execute; one write per message.
//   - coalescing: the same, but the writer sends all messages that wait in the channel
//     with one write.
//
// Goroutines: the goroutine that executed a request writes the reply. Everything else for
// a session (commits, pushes, closes) goes through a pusher, which implements
// engine.Carrier; there are GOMAXPROCS of them. Where the engine's comments say "event
// loop", it is the pusher here.
//
// Nothing waits for a slow peer: unsent output is kept, up to the engine's
// OutboundHardBytes, and another goroutine sends it. In the styles readwriter and
// coalescing it waits in the session's channel; when that is full, the worker or pusher waits up to a second,
// then closes the session.
//
// With TLS (Config.TLS) it is otherwise: crypto/tls runs in the goroutines of the connection, and
// whoever writes waits for the peer in the styles without a writer, as in most Go servers.
//
// Limits: those of the engine, except for requests in flight: here only unread replies
// limit them. There is no flow control of replies: a client that has more than
// OutboundHardBytes of them unread is cut, even if it reads. A client that ends its
// stream gets the replies that were written until then; deferred ones are lost.
package goconn
