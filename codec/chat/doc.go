// Package chat is the dialect of the chat listeners: short frames that name the address of
// the sender. A listener of this dialect is one chat room, without a login.
//
// # Frames
//
// Integers are big-endian. Addresses, ports and texts are UTF-8.
//
//	offset   size  field
//	0        2     length  of everything after these 2 bytes (uint16)
//	2        1     type    of the frame (below)
//	3        2     n       length of FAddr (uint16)
//	5        n     FAddr   the sender's IP address; "unix" for a client of a socket file
//	5+n      2     m       length of FPort (uint16)
//	7+n      m     FPort   the sender's port in decimal; "0" for a client of a socket file
//	7+n+m    ...   Msg     length - 5 - n - m bytes
//
// Limits: a text has at most 4,096 bytes (MaxTextBytes), and length is at most
// 5 + 4,096 + 80: FAddr and FPort may have 80 bytes together, since the longest address, an
// IPv6 address with its zone, has 61 and a port has 5. A listener's limit for frames before
// the login applies too, if that is lower. What the server sends is within these limits.
//
// # What a client sends
//
//	type  Msg    meaning
//	1     text   say the text to everybody, the sender included
//	1     empty  a heartbeat: nothing is relayed or answered
//	5     any    ask who is there; Msg is ignored
//
// FAddr and FPort of a client are ignored, whatever they claim. A client must send a frame
// soon after it has connected, and from time to time afterwards; a heartbeat is enough (the
// limits first_frame_time and idle_time of the server, 5 s and 60 s by default).
//
// # What the server sends
//
//	type  FAddr, FPort  Msg    meaning
//	1     the sender's  text   somebody said the text
//	2     the client's  empty  a client has come
//	3     the client's  empty  a client has left
//	4     empty         text   a request was refused, or why the server closes the connection
//	5     the client's  empty  a client is there
//	5     empty         count  the end of that list: how many are there, in decimal
//
// A client that connects gets the last messages of the room as frames of type 1, then what
// comes from there on. It gets no frame of type 2 about itself, but is in the list. A list
// shows at most 10,000 clients; then the count is higher than the number of frames before
// it. Replies keep the order of requests. The server sends no heartbeats.
//
// # Malformed frames
//
// A length below 5, or below 5 + n + m, is malformed, and so are other types, a longer text
// and one that is not UTF-8. The client gets a frame of type 4 with the reason, after the
// replies to what it sent before, and the connection is closed.
//
// # Messages
//
// Dialect makes codec messages of the frames: a Chat request with a ChatRequest, or a
// Heartbeat. It can only write what has a place in these frames: all other replies and
// pushes have no bytes.
//
// Goroutine: any.
package chat
