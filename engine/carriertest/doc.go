// Package carriertest is what every carrier of the engine's sessions must do, as
// tests: order of replies, framing, limits, pushes, ends and the drain. A carrier's
// own tests call Run, which serves real connections on the loopback interface.
//
// The parts that the suite is made of (Peer, Serve, Router, Deferred) are for the
// carriers' own tests, too.
//
// Goroutine: all of it is for test goroutines. Nothing here asserts a time: what
// must come is waited for, for Patience at most.
package carriertest
