// Package codec turns bytes into frames and messages and back.
//
// A Dialect is one way to write messages: Packet is holdfast's main one, TLV that of
// the Zinx family. LengthField is the general length-field framing, for others to use
// alone. All work on slices: they never read, never retain their input and never
// allocate on the way in. Every function is safe from any goroutine, since none of the
// types here has changing state.
//
// A returned frame or body aliases the slice it was found in and is valid for
// as long as that slice is.
package codec
