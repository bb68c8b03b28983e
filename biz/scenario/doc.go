// Package scenario drives ten simulated clients against a server over TCP and
// checks at each step that what a client shows, what the server pushed and what
// a fresh pull says are the same and as expected.
//
// Between them the clients cover every way in which a list of positions changes
// (none to some, some to none, more rows, fewer rows, the same rows with more or
// fewer shares, the same rows at another price), executions that are shown and
// taken back, history, two sessions of one customer, and refusals.
//
// The accounts may be in any state, such as earlier runs left it: each client
// first trades itself into the state that its case starts from. Nobody else may
// trade on these accounts meanwhile. Prices may move: quantities are checked
// exactly, values against the price in the same message.
package scenario
