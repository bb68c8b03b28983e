// Package chaos tries faults and attacks on a server that runs in a process of
// its own, and says whether the promises were kept.
//
// A Fault is one row of the table of promises: it starts servers, does them
// harm, and compares what clients were told with what is there afterwards. Each
// run prints its seed first and gives a Verdict last. What the clients do comes
// from the seed; when the operating system does what does not.
//
// Servers are ended however the run ends: they are in process groups that Execute
// kills, and the system kills them when this process dies.
//
// The package looks at the server from outside: sockets, files, its metrics and
// /proc. Goroutine: a Run may be used by all goroutines of its fault.
package chaos
