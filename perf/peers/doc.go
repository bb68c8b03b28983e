// Package peers is shared by the programs in its subfolders. Each serves the packet
// dialect with one library, used as its documentation recommends, for comparison with
// holdfast: netpoll, nbio and zinx. A plain epoll server in C, epoll/epoll.c, shows the
// cost of the kernel alone.
//
// All answer each complete frame with a 14-byte reply (command | 0x80, the id, result 0),
// like the bare gnet server. They stay in the foreground and end on SIGTERM. Each library
// has a separate program, so that none carries the goroutines and memory of another.
//
// They are a separate module that does not import holdfast, so neither has the
// dependencies of the other. Because zinx is a dependency here, a test here runs its
// client against holdfast's tlv listener.
//
// Limits: frames of 1 MiB, and as many connections as the hard limit of open files allows
// (the Go runtime raises the soft limit). Each library handles a bad length or a lack of
// descriptors in its own way.
package peers
