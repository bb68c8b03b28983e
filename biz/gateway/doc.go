// Package gateway is the half of the server with sessions: the handler of every
// command, login and passwords, resume, who watches which account, quotes and prices.
//
// Handlers see messages and answer with a result and a body; the session's dialect
// makes the bytes. What a command does to an account is the desk's: a handler has a
// turn of the account (inTurn), applies the command there and puts the reply into the
// turn; the pushes of what happened are added by account.Changed. All of it leaves when
// the turn is durable, so that what one client sees of an account is in the order of
// the account's life.
//
// Locks: sessionState.mu is taken before the desk's lock of an account; those of
// presence, quoteBoard and an audience after it; those of guesses and roomBoard alone.
//
// A client that comes back gets the pushes it missed: they are made again from the
// account's recent events, which hold the position after each, so that nothing is
// kept for it (resume).
//
// Passwords are verified by goroutines for them alone; wrong ones slow down the
// address that sends them (guesses). A publisher pushes prices and repriced positions.
//
// Limits: Config.SessionsPerAccount, and those of guesses and of the publisher.
package gateway
