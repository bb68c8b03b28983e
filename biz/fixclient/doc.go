// Package fixclient is a small FIX 4.4 initiator: it connects, logs on, keeps the session alive, and sends
// again what the server asks for. It knows the session level only; what orders and reports mean is the
// business of its caller.
//
// A Store has the numbers of both directions and the messages that were sent, in a file if wanted, so
// that the session goes on after a lost connection or a new start of the program.
//
// Goroutine: the methods of Client may be called by any goroutine. One goroutine reads, and calls Message
// and Log; Log is also called by the methods that send. Message may call Send, Log no method. Limits: a
// message has at most 1 MiB, and the newest 10,000 messages can be sent again.
package fixclient
