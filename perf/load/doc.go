// Package load is an event-loop load generator for the packet dialect.
//
// Run opens many connections from one thread, keeps each of them busy, checks
// every reply and returns a Report. Compare starts several servers in turn,
// runs the same load against each and puts the results side by side, as a table
// (String, AppendMarkdown) or by name (ServerResult.Metric).
//
// # How it stays cheap
//
// One goroutine, locked to its thread, owns everything: an epoll instance
// (edge-triggered), one read buffer for all connections, one buffer of prebuilt
// requests. Reads and writes are raw system calls that the Go scheduler never
// hears of; only the wait for events is an ordinary one. All replies that one
// read brings are answered by one write. Nothing is allocated once the load runs,
// except for connections whose peer cuts frames in two or stops reading.
//
// # What a latency is
//
// Closed loop (Rate 0): from the write of a request to the read of its reply, or
// with a think time (Interval) from the moment the request was meant to go out. A
// client that waits sends nothing more, so a stall is charged once to each client.
// Open loop (Rate > 0): from the moment the request was meant to go out, whether
// or not it could, so that a server that stalls is charged for all the requests it
// held up.
//
// # What is counted of the server
//
// CPU time of the whole process within the window, by its clock. Memory before,
// with all connections, and at the end. System calls by the kernel's tracepoint,
// in a moment of their own behind the window, since counting them costs. Heap
// allocations by the server's own counter, which is read while no request is
// open.
//
// # What is checked
//
// Length, command, id and order of every reply, its result byte, and the push
// sequence of every logged-in connection; with Push also that all sessions of an
// account got the same. Of the position lists of a connection one in 256 is
// decoded. The id of a request is connection
// number << 32 | request number, so a reply that reaches the wrong connection is
// found.
//
// # Limits
//
// Linux only; elsewhere Run returns ErrUnsupported. A frame may be 256 KiB at
// most. Connections are closed with a reset, so that thousands of ports don't sit
// in TIME_WAIT between two runs; replies are waited for first.
package load
