// Package chaos tries faults and attacks on a server in another process, and reports
// whether the promises were kept.
//
// A Fault is one row of the table of promises: it starts servers, harms them, and
// compares the answers of the server with its state afterwards. Each run prints its seed
// first and returns a Verdict last. The seed determines what the clients do, but not the
// timing of the operating system.
//
// Servers end with the run in any case: Execute kills their process groups, and the
// system kills them when this process dies.
//
// The package checks the server from outside: sockets, files, its metrics and /proc.
// Goroutine: all goroutines of a fault may use its Run.
package chaos
