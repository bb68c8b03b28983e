// Package engine serves sessions: it accepts connections, finds the frames in what they
// send, passes each message to its handler and sends the replies.
//
// The way of a message: an event loop of the reactor (gnet) reads bytes through the
// session's inbound stage. The listener's dialect finds the complete frames, which are
// copied once into the loop's lane. An ants worker drains the lane: it decodes each
// message with the dialect and calls the handler. Replies and pushes are encoded by the
// dialect into an Outbox; each event loop gets them as one task and writes them with one
// call per session. Only dialects know the layout of a frame.
//
// The inbound stage passes on the bytes of the socket, or, on a WebSocket listener, opens
// them: it answers the handshake and control frames itself, and the dialect gets the messages
// (webInput). Pushes for many sessions are in the log of a Feed, from which each loop writes.
//
// A handler has one of three classes (Class). The requests of a session are executed and
// answered in the order in which they arrived (Request). Only a reply that may take long,
// above all one from off the lane, may be overtaken, if clients of the dialect match
// replies by id.
//
// While a session has too much output due, its lane holds its further requests (flow.go).
// A session whose client has ended its stream gets the replies to what came before, and
// then ends (tailLink).
//
// Goroutines: the fields of a Session say who may use them. "Event loop" is the goroutine
// of the session's Carrier; "lane" is the one worker that drains the lane of that loop.
//
// Each event loop has a clock with coarse ticks. Traffic only stores the tick in its
// session. A timing wheel checks every session in time and closes it with a Notice, or
// sends a heartbeat: no first frame, an incomplete frame, no login, silence, output that
// does not move. A session with unanswered requests does not count as idle.
//
// Health asks event loops and lanes whether they work (Core.Parts); Core.Serving says
// whether clients can connect. TCP connections are accepted by gnet's loops, those of socket
// files by goroutines that pass them to the loops (acceptors).
//
// The engine knows nothing about accounts or orders and never blocks an event loop. All
// limits are in Limits.
package engine
