// Package client is the Go client of holdfast's packet dialect, over TCP, Unix sockets and
// WebSocket, with and without TLS.
//
// Dial connects; each method of Client sends one request and waits for its reply. Any
// number of goroutines may call them at the same time: requests are pipelined on the one
// connection, and replies are matched by id. The client sends heartbeats by itself.
//
// Pushes update the client's View, the account as a screen shows it: positions, working orders,
// executions and cash. They reach Options.OnPush in the order in which the server sent them. The
// pushes of an account are numbered, whatever their kind. If a number is missing or repeated,
// OnPush receives a SequenceBreak and the client requests the account again. It does so, too,
// when an operator has reset the account.
//
// An order may be executed at once, in parts, or work on: Placed.Status says which, and each
// change comes as an OrderUpdate. Only a market order that one execution fills wholly has none,
// and so the cash that the view shows does not change with it: Positions fetches it. A busted execution is never removed: it is marked as
// Busted where it is, and a correction links it with the execution that replaces it.
//
// After a connection has ended, Reconnect opens another one and continues from what the
// view shows: the missed pushes come first. With the addresses of several nodes of a cluster, Dial,
// Enter and Reconnect take the next node that lets the customer in; any of them resumes.
//
// Chat rooms need no login. The client joins its rooms again after a Reconnect. Chat messages
// are pushes without a number: a client that is away longer than the server stores them
// misses some.
//
// A server that starts with an empty data folder has another history (HistoryID). Reconnect
// then restarts the view and says so in Welcome.Why, and PlaceOrder and ReplaceOrder do not
// repeat a request of the earlier history.
//
// The package never retries a request by itself. An order without a reply may have been
// filled: send it again with the same client order id. A replacement is safe to send again
// with the same new client order id, and cancels, busts and corrections always are. The commands
// of Operate are not. Retry tries again while the server is busy.
//
// Snapshots, replies and pushes marshal to JSON as the messages of codec/pb do, for programs
// in other languages.
//
// Texts of the server (names, reasons of busts, chat, notices, error messages, answers of web
// servers) are passed on as they are. A program that shows them on a terminal must escape control characters.
package client
