package host

import (
	"net"
	"net/http"
	"sync"
)

// boundedConns is the listener of the admin port or the console. At the limit, a new connection takes the
// place of an old one, so that a probe always gets an answer: of the one without a request
// for the longest time, else of the one whose request runs longest.
//
// Goroutine: any.
type boundedConns struct {
	net.Listener
	limit int

	mu     sync.Mutex
	events uint64 // counts changes of state: the time of usedConn
	conns  map[net.Conn]usedConn
}

// usedConn is what a connection does, and since when.
type usedConn struct {
	busy  bool // a request runs
	since uint64
}

func newBoundedConns(l net.Listener, limit int) *boundedConns {
	return &boundedConns{Listener: l, limit: limit, conns: make(map[net.Conn]usedConn)}
}

// Accept implements net.Listener.
func (a *boundedConns) Accept() (net.Conn, error) {
	conn, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.conns) == a.limit {
		old := a.oldest()
		delete(a.conns, old)
		_ = old.Close()
	}
	a.events++
	a.conns[conn] = usedConn{since: a.events}
	return conn, nil
}

// oldest returns the connection that makes room for another.
func (a *boundedConns) oldest() (old net.Conn) {
	for conn, used := range a.conns {
		than := a.conns[old]
		if old == nil || than.busy && !used.busy || than.busy == used.busy && used.since < than.since {
			old = conn
		}
	}
	return old
}

// changed is the ConnState of the HTTP server.
func (a *boundedConns) changed(conn net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, open := a.conns[conn]; !open || state == http.StateNew {
		return
	}
	if state == http.StateClosed || state == http.StateHijacked {
		delete(a.conns, conn)
		return
	}
	a.events++
	a.conns[conn] = usedConn{busy: state == http.StateActive, since: a.events}
}
