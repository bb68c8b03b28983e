// Package scenario runs scenario files: clients that trade over TCP, with an expectation for
// each step. After every step it checks that what each client shows (its View), what was pushed
// and what a pull returns are the same, and as expected. A pull is a request for the account.
//
// # The file
//
// Text, UTF-8, one statement in each line. A word that starts with # starts a comment. What is
// expected of a step is below it, indented. Words in upper case are the server's: states,
// results, reasons and causes of the protocol. Texts are in quotes; \" is a quote in it. Prices
// and amounts have up to four decimals; 3,000 is 3000.
//
//	# The comment at the start says what the scenario is about.
//	scenario "partial fills"
//	server seed mainland clock stepped start 2026-01-05T09:30:00+08:00 depth 1000
//	clients alice alice/phone bob=100007
//	account alice cash 500000.00 directives 601100 200 at 10.00
//	instruments X Y
//
//	alice: buy 3000 601100 limit 9.90 as a1
//	  NEW leaves 3000
//	  account frozen-cash 29707.425
//	operator: price 601100 9.90
//	  alice: expects execution of a1 1000 at 9.90
//	step 1m
//	alice: cancel a1
//	  CANCELLED filled 1000
//
// # Before the steps
//
//	scenario "NAME"        The name, first.
//	clients NAME...        Each has its own connection, and logs in at the start. alice/phone is
//	                       another session of alice's customer, which logs in when a step says
//	                       so. alice=100007 is a certain customer; otherwise a free one is chosen.
//	                       The client "operator" is always there.
//	server OPTION...       The scenario needs a server for itself. Otherwise any server will do,
//	                       which others use at the same time.
//	    seed default, seed mainland, or seed "FILE" (relative to the scenario file): markets and
//	                       instruments. Accounts are not taken from it.
//	    clock stepped      Time passes only by "step". start TIME is when it starts, without it
//	                       2026-01-05T09:30:00+08:00.
//	    depth N            How many shares each price step offers at each price.
//	    moves N, orders N  Simulated price moves and orders per second of the clock; random N
//	                       decides them.
//	    preset NAME        frictionless, realistic, thin or brutal; orders take time, so the last three
//	                       go with clock wall (which is the clock without a word).
//	account NAME OPTION... The account of a client on such a server. Without it, or without cash, it
//	                       has 1,000,000.00 and no positions. "directives" allows them in its orders.
//	instruments NAME...    Variables, for scenarios that any server can run: the first instruments
//	                       that trade in hundreds and that the first client can afford.
//
// # Actions
//
// A step starts with its client. An instrument is a code, MARKET/CODE or a variable.
//
//	buy 3000 601100        A market order; with "limit 9.90" a limit order, with "stop 9.80" a stop
//	sell 3000 601100       order, with both a stop limit order. A price may be relative to the last
//	                       one: -5%. Then day (which it is without a word), gtc, gtd TIME, ioc or fok;
//	                       "with parts=3" is a directive, "as a1" names the order.
//	cancel a1              Or "cancel all 601100"; an operator adds "of alice" or "of everyone".
//	replace a1 OPTION...   quantity 200, limit 9.90, stop 9.80, gtc; "as a2" is a further name.
//	repeat a1              Sends the order or replacement with this name again.
//	starts with 601100 100 Trades until the positions are these; or "starts with nothing".
//	history                Reads the history, newest first; "of bob", "601100", "in pages of 2".
//	                       Below it a line for each of the newest executions: sell 100 601100 at 9.90
//	pulls                  Requests the account.
//	connects, logs in, logs in with a wrong token, logs out, disconnects
//	reconnects resumed     Or "with a snapshot", "with a snapshot because TOO_OLD", or no more words.
//
// Those of operators:
//
//	price 601100 9.90      Moves the last price.
//	halt 601100            Or a market: halt EAST. "resume" ends it.
//	fill a1 100 at 9.90    Executes an order; without words after it, all of it at the last price.
//	                       "late" executes an order that was cancelled or has expired.
//	bust a1/2 "reason"     The second execution of the order a1; "a1" if it has one only. Then reopen,
//	                       cascade, dry-run.
//	correct a1/2 900 at 9.80 "reason"
//	deposit alice 5.00 "text", withdraw alice 5.00, reset alice
//	reject next 2 of alice NOT_ENOUGH_CASH
//	hold alice 10s         Holds the pushes to alice.
//	disconnect alice       Cuts the connections: now, or "after 3 pushes".
//	step 1m                Moves the clock on; needs no client before it. "step to 15:00" is until then.
//
// "and" before a step means that it is done at the same time as the step before it:
//
//	operator: fill a1
//	  FILLED or REJECTED TOO_LATE
//	and alice: cancel a1
//	  CANCELLED or REJECTED TOO_LATE
//
// # Expectations
//
// The outcome of an action is the first indented line: a state, OK (anything but a refusal),
// REJECTED REASON "part of the message", FORBIDDEN, UNAUTHENTICATED. DUPLICATE before it means that
// the server has recognised a repeated request. Fields follow: those of orders and accounts,
// the change of a position (opened, closed, increased, decreased), and how many executions, what
// count, and accounts. Without an outcome, a refusal is a failure. A refusal must not change
// anything. "REJECTED BUST_BLOCKED by a2" names what is in the way.
//
// The others are about the client of the step, or about another one that is named before them, and
// can also be steps:
//
//	position 601100 1000   cost, price, value, realised, unrealised, sellable, frozen, and the change.
//	                       Or "none".
//	positions none         All of them: positions 601100 100, 601101 200
//	order a1 NEW           quantity, filled, leaves, average, limit, stop, cause, triggered, gtc
//	orders a1, a2          All that work. Or "none".
//	account cash 5.00      cash, free-cash, frozen-cash, unsettled-cash, realised, fees, deposits, value,
//	                       orders
//	execution a1/2 1000    at, fee; valid, BUSTED or CORRECTED; because "reason"; correction if it
//	                       replaces another one. It must be shown where it was, if it was shown.
//	quote 601100           price, low, high, tick, lot, minimum; halted or trading
//	nothing changes        No push came since the last action has started.
//	expects PUSH           Waits for a push that no other "expects" has had: execution of a1 1000 at
//	                       9.90, order a1 EXPIRED, bust of a1 "reason", correction of a1, position 601100
//	                       100, repriced (or repriced 601100), deposit 5.00 "text", withdrawal, reset, or
//	                       disconnect.
//	                       "within 30s" waits longer.
//
// Expectations without "expects" do not wait: when the server has answered a command, its effects
// are there.
//
// Mistakes in a file are found before anything starts, all of them, with the line and the nearest
// word (Errors).
//
// # Any server
//
// The accounts may be in any state there, for example after an earlier run: a client first trades
// until its account is in the state that its scenario starts from. Nobody else may trade in these
// accounts meanwhile. Prices may move: quantities are checked exactly, values against the price in
// the same message.
//
// # The library
//
// Library has the scenarios that ship with the program. The first ten run on any server (Run): they
// cover every way in which a list of positions changes, a bust, two sessions, and refusals.
//
// # Goroutines and limits
//
// Any goroutine may call the functions. Scenarios run at the same time, each in a goroutine; steps
// that are done at the same time have a goroutine each. A file has at most MaxFileSize bytes,
// MaxSteps steps and MaxClients clients. A step takes Options.Timeout at most; what is known to
// take longer (logins, steps of the clock, expectations) takes a minute more.
package scenario
