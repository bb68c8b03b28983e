// Package peers is shared by the programs in its subfolders. Each uses one library as its
// documentation recommends, for comparison with holdfast.
//
// Netpoll, nbio and zinx serve the packet dialect. They answer each complete frame with a
// 14-byte reply (command | 0x80, the id, result 0), like the bare gnet server. A plain
// epoll server in C, epoll/epoll.c, does the same and shows the cost of the kernel alone.
//
// Gorilla and nbiows serve WebSocket on two paths. /echo sends each message back, for the
// memory of an idle connection and the cost of a message. /chat sends each message to all
// clients of /chat, the sender included, for the cost of a broadcast; a client gets all
// messages from its handshake on, in the same order as all others. Each message sent is one frame of the same type as the
// one received, without compression.
//
// Executor (quickfix/executor.cpp) is a FIX acceptor on QuickFIX C++ that answers each order with a
// report.
//
// All stay in the foreground and end on SIGTERM. Each library has a separate program, so
// that none carries the goroutines and memory of another.
//
// They are a separate module that does not import holdfast, so neither has the
// dependencies of the other. Because zinx is a dependency here, a test here runs its
// client against holdfast's tlv listener.
//
// Limits: frames and messages of 1 MiB, and as many connections as the hard limit of open
// files allows (the Go runtime raises the soft limit). Each library handles a bad length or
// a lack of descriptors in its own way.
package peers
