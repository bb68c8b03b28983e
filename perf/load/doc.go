// Package load is an event-loop load generator for servers of this project's dialects.
//
// Run opens many connections from one thread, keeps each of them busy, checks every reply
// and returns a Report. Compare starts several servers in turn, runs the same load
// against each and returns the results side by side, as a table (String, AppendMarkdown)
// or by name (ServerResult.Metric).
//
// # How it stays cheap
//
// One goroutine, locked to its thread, owns everything: an epoll instance
// (edge-triggered), one read buffer for all connections, one buffer of requests. They are
// encoded once; only their ids are written anew. Reads and writes are raw system calls that
// bypass the Go scheduler; only the wait for events is an ordinary one. One write sends the
// requests that follow all replies of one read. Nothing is allocated under load, except for
// connections whose peer splits frames or stops reading.
//
// # Dialects
//
// A wire is a dialect as a client speaks it: how a message is found and a request is
// written. Replies of tlv have no id, so they are matched with the requests in their order.
// A WebSocket handshake is a part of opening the connection; a refused one is an error with
// its HTTP status. Of a reply in JSON, command, id and result are read, in the order and
// without the spaces that our server writes.
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
// # Chat
//
// The text of a chat message begins with the number of its sender and that of the message.
// Every delivery on every connection is checked: all must receive all messages once, in one
// order. The first connection that receives a message decides its place in that order. So
// the counts of deliveries (pushes in the report), of missing and of duplicated messages are
// exact, and so is that none was out of order; if messages are missing, others may count
// as out of order that were not. A missing message is lost if the connection has received
// later ones, else undelivered: it had not arrived at the end of Drain. A
// connection that was lost receives none of the later ones, and these are not counted. A
// message that nobody receives counts once: in the dialects chat and websocket-echo, where
// its return is the reply, as unanswered; else, if its reply was OK, as one that nobody
// received.
//
// The latency of a delivery is from the moment when its message was due until the read that
// brought it. The longest is that of all deliveries. The percentiles are from a sample, since
// recording costs as much as the check: with up to 128 connections it is all deliveries; with
// more, each connection records one in n/128 messages, a different one than its neighbours,
// wherever in a read it is. So every message is sampled at about 128 connections.
//
// # Broadcast
//
// The latency of a quote is from its time, the earliest that the server put into any copy of
// it, until the last connection has read it. Server and generator must have the same clock.
// Quotes of one instrument must not follow each other faster than they reach all. A price that
// comes back, to a connection that has it or a second later, is another quote; the first is
// incomplete.
//
// # Limits
//
// Linux only; elsewhere Run returns ErrUnsupported. A frame may have at most 256 KiB.
// After the last replies, connections are closed with a reset, so that thousands of ports
// don't stay in TIME_WAIT.
package load
