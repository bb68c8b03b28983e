package peers

import "sync"

// Members are the connections that get the messages of a chat. Goroutine: any.
type Members[C comparable] struct {
	mu  sync.Mutex
	all map[C]struct{}
}

// Join adds the connection that handshake returns, unless it returns an error. Messages
// wait meanwhile, so a client gets each message that is sent after it has read the
// response to its handshake.
func (m *Members[C]) Join(handshake func() (C, error)) (C, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := handshake()
	if err != nil {
		return c, err
	}
	if m.all == nil {
		m.all = make(map[C]struct{})
	}
	m.all[c] = struct{}{}
	return c, nil
}

// Leave removes a connection. When it returns, no send of Broadcast uses c, or will.
func (m *Members[C]) Leave(c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, c)
}

// Broadcast calls send with each member, one broadcast after the other, so that all members
// get all messages in the same order. While send waits, all other calls wait too. Send must
// not call a method of m.
func (m *Members[C]) Broadcast(send func(c C)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.all {
		send(c)
	}
}
