// Package quotes lets the desks of a cluster show one market. One desk, the market's leader, moves
// the prices and has the trading clock; its Leader publishes what happens to its market and the
// trading time. Every process has a Mirror, which knows the newest state of the market and passes
// on what happens to the desks of the process, the followers: they do the same at the same trading
// time, in the same order.
//
// Messages go over core NATS, which may lose them. They are numbered: a Mirror that misses one, or
// sees a new leader, asks for the state of the market, and goes on from there. What the prices were
// in between is then not known, but orders that the new prices reach are executed.
//
// Leaders have epochs; a higher one is newer. Instruments are named by market and code.
//
// Limits: messages have some 64 KB, at most 200 KB; maxPending prices wait to be published. There
// is nothing else to configure. Close ends all goroutines.
package quotes
