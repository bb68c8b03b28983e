// Package flame shows where a server's time and memory go.
//
// Capture fetches profiles from a server's pprof port. Parse turns one into a Profile:
// stacks with a value each. Shares divides the value among classes of work (Classes);
// Graph draws it as an HTML page; Result collects the figures of several loads.
//
// # The pages
//
// A page is one file that loads nothing: it opens from a disk, a mail or a static web
// server, in a light or a dark browser. It zooms, searches with a regular expression and
// shows what share matched, and can be inverted to show the leaf functions first. A
// differential page has the widths of one profile and shows by colour where its share is
// above or below the other's. Totals are scaled to be equal first, the reader chooses
// which profile sets the widths, and the classes are a row above the stacks, because two
// designs have few callers in common. (The view of google/pprof has no dark colours, no
// share of a search and no choice of widths, and its menus need a running server.)
//
// # What a CPU profile sees
//
// The kernel sends the signal for a sample every 10 ms of CPU time that the process uses,
// so a server that is 2 % busy has two samples a second: check the number of samples
// before you trust a share. Time in the kernel counts for the system call; on loopback
// most of the delivery to the receiver's socket counts for the write.
//
// Goroutine: any. The package never writes files and has no state. Limit: 64 MiB for a
// response of a pprof port.
package flame
