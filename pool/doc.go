// Package pool hands work from event loops to ants workers, and lends buffers.
//
// A Lane gathers what an event loop reads in one iteration, and at most one worker drains
// it, in order: the hand-over costs once per iteration instead of once per message.
// Buffers lends byte buffers from bytebufferpool. Each can be used without the other.
package pool
