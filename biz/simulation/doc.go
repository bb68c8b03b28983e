// Package simulation makes the trading time of a desk pass (Driver): it ends orders that
// expire, closes trading days, and executes what others want at a time. If configured, it also
// trades by itself, so that clients see updates without anyone typing: it places orders in half
// of the accounts and moves the price of each instrument, at fixed rates. The same random
// seed results in the same orders and moves.
//
// It uses only the desk; clients see its trades like any other.
//
// Goroutine: the caller of Driver.Run.
package simulation
