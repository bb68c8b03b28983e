// Package fix is the session level of FIX 4.4: logon, sequence numbers, gaps, resends, heartbeats and
// logout, of an acceptor, and of an initiator (Initiate). It has no clock, no connection and no goroutine: messages and times come
// in, and what to write, execute or close goes out through a Host.
//
// A Session is one identity, a pair of CompIDs. It outlives its connections, because its numbers
// do. The application messages of the host are numbered by the same Session (Start and Send), also
// while nobody is connected: the peer asks for them after its next Logon.
//
// Goroutine: any, one at a time; the host has a lock around each Session. All times are nanoseconds
// since 1970.
//
// The letters and numbers in comments, such as 2e, are those of the FIX Session Layer Test Cases
// (ISO 3531-3).
package fix
