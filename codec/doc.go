// Package codec turns bytes into frames and messages and back.
//
// A Dialect is a frame format: Packet is holdfast's main one, TLV that of the Zinx
// family. LengthField is general length-field framing, for dialects outside this package.
// All of them work on slices: they never read from a connection, never retain their input
// and never allocate while decoding. All functions may be called from any goroutine: the
// types are immutable.
//
// A returned frame or body aliases the slice it was found in and is valid as long as that
// slice is.
package codec
