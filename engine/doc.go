// Package engine carries sessions: it takes connections, finds the frames in
// what they send, brings each message to its handler and the replies back.
//
// The way of a message: the reactor's event loop (gnet) sees bytes, checks the
// frame lengths and copies all complete frames of the turn once into the loop's
// lane; an ants worker drains the lane, decodes each message and calls its
// handler; replies gather in an Outbox, which is handed back to the event loops
// with one task each and written with one call per session.
//
// Handlers come in three classes (Class). Requests of one session are executed
// and answered in the order of their arrival, except those that run off the
// lane, whose replies come when ready.
//
// Goroutines: the fields of a Session say who may touch them. Event loop means
// the goroutine of the session's Carrier; lane means the one worker that drains
// the lane of that loop.
//
// Each event loop has a clock of coarse ticks. Traffic notes the tick in its session
// and nothing more; a wheel has every session looked at in time, and what it finds
// there (no first frame, a frame that was begun, no login, silence, output that
// does not move) ends the session with a Notice or calls for a heartbeat. A session
// that waits for a reply is never silent.
//
// The engine knows nothing of accounts or orders, and never blocks an event
// loop. Every limit is in Limits.
package engine
