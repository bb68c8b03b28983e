// Package engine carries sessions: it takes connections, finds the frames in
// what they send, brings each message to its handler and the replies back.
//
// The way of a message: the reactor's event loop (gnet) sees bytes through the
// session's inbound stage; the listener's dialect finds the whole frames, which are
// copied once into the loop's lane; an ants worker drains the lane, has the dialect
// decode each message and calls its handler; replies and pushes are encoded by the
// dialect into an Outbox, which is handed back to the event loops with one task each
// and written with one call per session. Nothing else here or above knows a header.
//
// Handlers come in three classes (Class). Requests of one session are executed and
// answered in the order of their arrival, whatever way a reply takes (Request). Only
// replies that are late by nature, off the lane above all, may be overtaken, where the
// dialect matches replies by id.
//
// Goroutines: the fields of a Session say who may touch them. Event loop means
// the goroutine of the session's Carrier; lane means the one worker that drains
// the lane of that loop.
//
// Each event loop has a clock of coarse ticks. Traffic notes the tick in its session
// and nothing more; a wheel has every session looked at in time, and what it finds
// there (no first frame, a frame that was begun, no login, silence, output that
// does not move) ends the session with a Notice or calls for a heartbeat. A session
// with unanswered requests does not count as idle.
//
// The engine knows nothing of accounts or orders, and never blocks an event
// loop. Every limit is in Limits.
package engine
