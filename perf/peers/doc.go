// Package peers is what the programs below it share. Each of them serves the
// packet dialect with another library, used the way its own documentation says,
// for comparison with ours: netpoll, nbio and zinx. Beside them stands a plain
// epoll server in C, epoll/epoll.c: what the kernel alone costs.
//
// To each complete frame all answer the 14-byte reply (command | 0x80, the id,
// result 0), like the bare gnet server. They stay in the foreground and end on
// SIGTERM. One program for each library, so that none carries the goroutines
// and memory of another.
//
// They are a module of their own, which needs nothing of the product: neither has
// the dependencies of the other. As zinx is a dependency here, a test here runs its
// client against holdfast's tlv listener.
//
// Limits: frames of 1 MiB, and as many connections as the hard limit of open
// files allows (the Go runtime raises the soft one). How a bad length or a
// missing descriptor ends is up to each library.
package peers
