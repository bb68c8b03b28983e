// Package simulation trades on a desk by itself, so that clients see updates without
// anyone typing: orders on half of the accounts, and a moving price for each
// instrument, at fixed rates. The same random seed gives the same orders and moves.
//
// It uses the desk alone; clients hear of it as of any other trade.
//
// Goroutine: that of Run.
package simulation
