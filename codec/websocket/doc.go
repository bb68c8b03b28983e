// Package websocket turns the bytes of a WebSocket connection (RFC 6455) into messages and
// back: the opening handshake of a server, the frames, and two dialects, Packet for binary
// and JSON for text messages.
//
// It works on slices and never touches a connection: a Reader is fed with bytes in any
// pieces, encoders append. Extensions are not supported; a client that offers
// permessage-deflate is answered without it.
//
// Goroutine: functions and dialects any; a Reader only one at a time.
package websocket
