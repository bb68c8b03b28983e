// Package scenario runs ten simulated clients against a server over TCP. After each step it
// checks that what the client shows, what the server pushed and what a pull returns are the
// same and as expected. A pull is a request for the account.
//
// Together the clients cover every way in which a list of positions changes (none to some,
// some to none, more rows, fewer rows, the same rows with more or fewer shares, the same
// rows at another price), executions that are shown and then busted, history, two sessions
// of one customer, and refusals.
//
// The accounts may be in any state, for example after an earlier run: each client first
// trades until its account is in the state that its case starts from. Nobody else may trade
// in these accounts meanwhile. Prices may move: quantities are checked exactly, values
// against the price in the same message.
package scenario
