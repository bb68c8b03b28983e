// Package simulation trades on a desk by itself, so that clients see updates without
// anyone typing: it places orders in half of the accounts and moves the price of each
// instrument, at fixed rates. The same random seed results in the same orders and moves.
//
// It uses only the desk; clients see its trades like any other.
//
// Goroutine: the caller of Run.
package simulation
