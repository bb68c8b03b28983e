// Package pool hands work from event loops to ants workers, and lends buffers.
//
// A Lane gathers what one event loop reads in a turn and has at most one worker
// drain it, in order: the hand-over is paid once per turn instead of once per
// message. Buffers lends byte buffers from bytebufferpool. Each is usable alone.
package pool
