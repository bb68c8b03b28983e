// Package fix encodes and decodes messages of FIX 4.4 (tag=value, FIX Trading Community, 2003
// with errata 2003-08-18).
//
// A message is a list of fields "tag=value", each of which ends with SOH (0x01). It begins with
// BeginString (8), BodyLength (9) and MsgType (35), and ends with CheckSum (10). The package knows
// the layout, and in its dictionary which fields a message has; sequence numbers and the meaning
// of messages are the business of others.
package fix
