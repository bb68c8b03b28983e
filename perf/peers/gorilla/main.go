// Gorilla serves WebSocket with github.com/gorilla/websocket on net/http: /echo sends each
// message back, /chat sends each message to all clients of /chat. A goroutine per
// connection reads; in the chat a second one writes from a queue, as in the library's chat
// example.
//
// Memory, as the library's documentation recommends for many connections: buffers of 1 KiB
// instead of the 4 KiB of net/http, write buffers in a pool, and the handler returns after
// the handshake, which frees the goroutine and the buffers of net/http. The chat encodes a
// message once for all clients (PreparedMessage).
//
// Limits: messages of 1 MiB. The echo stops reading from a client that does not read. In
// the chat, a client with 256 unsent messages holds up the senders, and is disconnected if
// one write takes a second. (The chat example disconnects it at once, which in a burst
// ends clients that read as fast as they can.) There are no pings and no other timeouts
// after the handshake.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

// bufferSize is the size of each read and write buffer, in bytes.
const bufferSize = 1 << 10

// headerTimeout is how long a client may take to send its handshake.
const headerTimeout = 5 * time.Second

func serve(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s := server{upgrader: websocket.Upgrader{
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, WriteBufferPool: new(sync.Pool),
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", s.echo)
	mux.HandleFunc("/chat", s.chat)
	web := http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("gorilla: stopped unexpectedly: %w", err)
	case <-ctx.Done():
	}
	return web.Close() // WebSocket connections end with the process
}

type server struct {
	upgrader websocket.Upgrader
	members  peers.Members[*member]
}

// upgrade answers a handshake. On an error it has answered with that error.
func (s *server) upgrade(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(peers.MaxFrame)
	return conn, nil
}

func (s *server) echo(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrade(w, r)
	if err != nil {
		return
	}
	go echo(conn)
}

func echo(conn *websocket.Conn) {
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

func (s *server) chat(w http.ResponseWriter, r *http.Request) {
	m, err := s.members.Join(func() (*member, error) {
		conn, err := s.upgrade(w, r)
		return &member{conn: conn, unsent: make(chan *websocket.PreparedMessage, maxUnsent)}, err
	})
	if err != nil {
		return
	}
	go m.write()
	go s.read(m)
}

// read broadcasts the messages of a member until its connection ends.
func (s *server) read(m *member) {
	defer m.conn.Close()
	defer close(m.unsent)
	defer s.members.Leave(m) // before the close: then nobody sends to the channel
	for {
		kind, bytes, err := m.conn.ReadMessage()
		if err != nil {
			return
		}
		message, err := websocket.NewPreparedMessage(kind, bytes)
		if err != nil {
			return
		}
		s.members.Broadcast(func(to *member) { to.unsent <- message })
	}
}

// maxUnsent is the number of messages that a member's queue holds.
const maxUnsent = 256

// writeTimeout is how long a client may hold up the chat.
const writeTimeout = time.Second

// member is a client of the chat.
type member struct {
	conn   *websocket.Conn
	unsent chan *websocket.PreparedMessage // closed after Leave
}

// write sends the messages of the queue until it is closed. After an error it only empties
// the queue, so that no sender waits for it.
func (m *member) write() {
	for message := range m.unsent {
		_ = m.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // never fails
		if err := m.conn.WritePreparedMessage(message); err != nil {
			_ = m.conn.Close() // ends read
		}
	}
}
