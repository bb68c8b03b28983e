// Package client is the Go client of holdfast's packet dialect.
//
// Dial connects and introduces itself; the methods of Client each send one
// request and wait for its answer. Any goroutine may call them, also at the same
// time: requests are pipelined on the one connection and answers are matched by
// id. Heartbeats go out by themselves.
//
// What the server sends unasked reaches Options.OnPush in the order in which it
// was sent, and keeps the client's View up to date: the account as a screen
// shows it. The pushes of an account are numbered; a number that is missing or
// comes twice is reported as a SequenceBreak, and the view is pulled afresh.
//
// After the end of a connection Reconnect makes another one that goes on from what
// the view shows: the pushes that were missed come first.
//
// The package never retries by itself: an order whose answer did not arrive may
// have been filled, and only the caller knows what to do then (send it again with
// the same client order id).
package client
