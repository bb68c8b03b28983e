// Nbiows serves WebSocket with the nbhttp/websocket package of github.com/lesismal/nbio:
// /echo sends each message back, /chat sends each message to all clients of /chat. Its
// pollers (one, or one per four cores) read and parse without blocking, goroutines of its
// pool call the handlers, and a write that would block is finished by the poller.
//
// Memory, as its documentation and its benchmark with a million connections recommend:
// IOModNonBlocking (no goroutine per connection), ReleaseWebsocketPayload (a message's
// buffer is used again after the handler), no read deadline (which would be a timer per
// connection), and its default buffer pool, whose buffers start with 1 KiB. An idle
// connection has no buffer.
//
// ServerExecutor stays the pool: in the poller itself, a failed write of the chat would
// call the close handler of another connection under that connection's lock.
//
// Limits: messages of 1 MiB, and fewer than 65,536 connections with messages at the same
// time: then the chat could block for good, as the pool's queue would be full. A client
// with 6 MiB of unsent output, the limit in nbio's README, is disconnected, by the echo
// too. The library drops empty messages. There are no pings and no timeouts after the
// handshake.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

// maxUnsentBytes is how much unsent output nbio stores for a connection.
const maxUnsentBytes = 6 << 20

// stopTimeout is how long open connections may delay the end of the process.
const stopTimeout = time.Second

func serve(ctx context.Context, addr string) error {
	logging.SetLevel(logging.LevelError)
	mux := http.NewServeMux()
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: []string{addr}, Handler: mux, SupportServerOnly: true,
		IOMod: nbhttp.IOModNonBlocking, ReleaseWebsocketPayload: true,
		MaxWriteBufferSize:           maxUnsentBytes,
		MaxWebsocketFramePayloadSize: peers.MaxFrame, // an answer is one frame, as with other libraries
	})
	handleEcho(mux, newUpgrader(engine))
	handleChat(mux, newUpgrader(engine))
	if err := engine.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = engine.Shutdown(ctx) // fails if clients are still connected, which is harmless
	return nil
}

func newUpgrader(engine *nbhttp.Engine) *websocket.Upgrader {
	u := websocket.NewUpgrader()
	u.Engine = engine
	u.KeepaliveTime = 0 // no read deadline
	u.MessageLengthLimit = peers.MaxFrame
	return u
}

func handleEcho(mux *http.ServeMux, u *websocket.Upgrader) {
	u.OnMessage(func(c *websocket.Conn, kind websocket.MessageType, message []byte) {
		_ = c.WriteMessage(kind, message) // on an error nbio closes the connection
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		_, _ = u.Upgrade(w, r, nil) // on an error it has answered with that error
	})
}

func handleChat(mux *http.ServeMux, u *websocket.Upgrader) {
	var members peers.Members[*websocket.Conn]
	u.OnMessage(func(_ *websocket.Conn, kind websocket.MessageType, message []byte) {
		members.Broadcast(func(to *websocket.Conn) { _ = to.WriteMessage(kind, message) })
	})
	u.OnClose(func(c *websocket.Conn, _ error) { members.Leave(c) })
	mux.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		_, _ = members.Join(func() (*websocket.Conn, error) { return u.Upgrade(w, r, nil) })
	})
}
