// Package carriertest tests what every carrier of the engine's sessions must do: order of
// replies, framing, limits, pushes, closing and the drain. The tests of a carrier call
// Run, which serves real connections on the loopback interface.
//
// The parts of the suite (Peer, Serve, Router, Deferred) are also for the carriers' own
// tests.
//
// Goroutine: test goroutines only. Nothing here asserts a time: tests wait for what must
// happen, at most Patience.
package carriertest
