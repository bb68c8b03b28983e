// Package load is an event-loop load generator for the packet dialect.
//
// Run opens many connections from one thread, keeps each of them busy, checks every reply
// and returns a Report. Compare starts several servers in turn, runs the same load
// against each and returns the results side by side, as a table (String, AppendMarkdown)
// or by name (ServerResult.Metric).
//
// # How it stays cheap
//
// One goroutine, locked to its thread, owns everything: an epoll instance
// (edge-triggered), one read buffer for all connections, one buffer of prebuilt requests.
// Reads and writes are raw system calls that bypass the Go scheduler; only the wait for
// events is an ordinary one. One write sends the requests that follow all replies of one
// read. Nothing is allocated under load, except for connections whose peer splits frames
// or stops reading.
//
// # What a latency is
//
// Closed loop (Rate 0): from the write of a request to the read of its reply, or with a
// think time (Interval) from the moment when the request was due. A client that waits
// sends nothing more, so a stall counts once per client. Open loop (Rate > 0): from the
// moment when the request was due, even if it was sent later. So a stall counts for all
// requests that it delays.
//
// # What is counted of the server
//
// CPU time of the process within the window, from its CPU clock. Memory before, with all
// connections, and at the end. System calls by a tracepoint of the kernel, for a moment
// after the window, because counting slows the server. Heap allocations by the server's
// own counter, read while no request is open.
//
// # What is checked
//
// Length, command, id and order of every reply, its result byte, and the push sequence of
// every logged-in connection; with Push also that all sessions of an account got the same
// pushes. One in 256 position lists of a connection is decoded. The id of a request is
// connection number << 32 | request number, which reveals a reply on the wrong
// connection.
//
// # Limits
//
// Linux only; elsewhere Run returns ErrUnsupported. A frame may have at most 256 KiB.
// After the last replies, connections are closed with a reset, so that thousands of ports
// don't stay in TIME_WAIT.
package load
