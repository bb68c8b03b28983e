// Package client is the Go client of holdfast's packet dialect.
//
// Dial connects; each method of Client sends one request and waits for its reply. Any
// number of goroutines may call them at the same time: requests are pipelined on the one
// connection, and replies are matched by id. The client sends heartbeats by itself.
//
// Pushes update the client's View, the account as a screen shows it, and reach
// Options.OnPush in the order in which the server sent them. The pushes of an account
// are numbered. If a number is missing or repeated, OnPush receives a SequenceBreak and
// the client requests the account again.
//
// After a connection has ended, Reconnect opens another one and continues from what the
// view shows: the missed pushes come first.
//
// The package never retries a request. An order without a reply may have been filled:
// send it again with the same client order id.
package client
