// Package flame shows what a server's time and memory go to.
//
// Capture fetches profiles from a server's pprof port. Parse turns one into a
// Profile: stacks with a value each. Shares says which class of work the value
// belongs to (Classes); Graph draws it as an HTML page; Result gathers what
// was measured under several loads.
//
// # The pages
//
// A page is one file without anything to fetch: it opens from a disk, a mail or a
// static web server, in a light or a dark browser. It zooms, searches with a
// regular expression and says what share matched, and can be turned round, with
// the leaf functions first. A differential page has the widths of one profile and
// shows by colour where its share is above or below the other's; totals are made
// equal first, either profile can give the widths, and the classes stand in a row
// above the stacks, since two designs have few callers in common. (The view of google/pprof
// lacks the dark colours, the share of a search and a reader's choice of widths,
// and its menus need the server it came from.)
//
// # What a CPU profile sees
//
// The kernel sends the signal behind a sample every 10 ms of CPU time that the
// process uses, so a server that is 2 % busy gives two samples a second: look at
// the number of samples before a share. Time in the kernel counts for the system
// call; on loopback the write carries most of the way to the receiver's socket.
//
// Any goroutine may use the package. It never writes files and keeps nothing.
// Limits: a response of a pprof port may have 64 MiB.
package flame
