// Package gateway is the half of the server that deals with sessions: the handlers of all
// commands, login and passwords, resume, the sessions of each account, quotes and prices.
//
// A handler gets a message and replies with a result and a body; the session's dialect
// encodes them. What a command does to an account is the desk's business: a handler makes
// a turn of the account (inTurn), applies the command and adds its reply to the turn;
// account.Changed adds the pushes. All of it leaves when the turn is durable, so that a
// client sees the events of an account in their order.
//
// Locks: sessionState.mu is taken before the lock of an account, those of Chat, presence,
// quoteBoard, fixQueries and audiences after it. Those of guesses and catchUpBoard are taken alone.
//
// A reload of the seed ends the sessions whose credential was revoked (Gateway.Reload).
//
// A client that reconnects gets the pushes that it missed. They are made again from the
// account's recent events, which include the position after each event, so that nothing
// is stored per client (resume).
//
// Passwords are verified by separate goroutines; wrong ones slow down the address that
// sends them (guesses). A publisher pushes prices and revalued positions.
//
// Limits: Config.SessionsPerAccount, LoginQueue and LoginWait, and those of guesses, of
// pages and of the publisher. A long answer to a FIX client waits until the client has taken what came
// before (fixStream): a session has at most maxAnswers of them, each with fixDue and one piece of output.
package gateway
