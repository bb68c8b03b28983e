// Package rawgnet is the reference server of the comparisons: gnet and nothing
// else. For each complete frame of the packet dialect it answers the 14-byte
// reply (command | 0x80, the id, result 0) on the event loop, all replies of one
// OnTraffic in one write. What a server with sessions, lanes and business work
// costs more than this is the price of those.
//
// Limits: frames of 1 MiB; a longer or impossible length closes the connection.
// It has no limit of connections: running out of descriptors ends it (ErrEnded).
package rawgnet

import (
	"context"
	"errors"
	"sync"

	"github.com/panjf2000/gnet/v2"

	"holdfast/codec"
)

// ErrEnded: the server ended although nobody had asked it to.
var ErrEnded = errors.New("rawgnet: the server ended by itself")

// readBufferSize is what an event loop reads at a time.
const readBufferSize = 64 << 10

// server handles the traffic of all loops.
type server struct {
	gnet.BuiltinEventEngine
	booted chan gnet.Engine

	mu      sync.Mutex
	scratch map[gnet.EventLoop]*scratch
}

// scratch is where a loop builds its replies. Owner: that loop.
type scratch struct {
	replies []byte
}

// Run serves addr (host:port) with so many event loops, 1 if loops is 0, until
// ctx ends, which is no error.
func Run(ctx context.Context, addr string, loops int) error {
	s := &server{
		booted:  make(chan gnet.Engine, 1),
		scratch: make(map[gnet.EventLoop]*scratch),
	}
	ended := make(chan error, 1)
	go func() { ended <- s.serve(addr, max(loops, 1)) }()
	select {
	case err := <-ended:
		return errors.Join(ErrEnded, err)
	case engine := <-s.booted:
		return wait(ctx, engine, ended)
	}
}

func wait(ctx context.Context, engine gnet.Engine, ended <-chan error) error {
	select {
	case err := <-ended:
		return errors.Join(ErrEnded, err)
	case <-ctx.Done():
	}
	_ = engine.Stop(ctx) // ctx has ended: it only tells the loops, and does not poll for their end
	return <-ended
}

func (s *server) serve(addr string, loops int) error {
	return gnet.Run(s, "tcp://"+addr,
		gnet.WithNumEventLoop(loops),
		gnet.WithReusePort(true),
		gnet.WithReadBufferCap(readBufferSize),
	)
}

// OnBoot tells Run that the listener is open.
func (s *server) OnBoot(engine gnet.Engine) gnet.Action {
	s.booted <- engine
	return gnet.None
}

// OnOpen gives the connection its loop's scratch.
func (s *server) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.scratch[c.EventLoop()]
	if own == nil {
		own = &scratch{}
		s.scratch[c.EventLoop()] = own
	}
	c.SetContext(own)
	return nil, gnet.None
}

// OnTraffic answers all complete frames with one write.
func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	own := c.Context().(*scratch)
	own.replies = own.replies[:0]
	used := 0
	for {
		m, n, err := codec.Decode(codec.Packet{}, b[used:], codec.DefaultMaxFrame)
		if err != nil {
			return gnet.Close
		}
		if n == 0 {
			break
		}
		used += n
		own.replies = codec.Packet{}.AppendReply(own.replies, m, codec.ResultOK, nil)
	}
	if used > 0 {
		_, _ = c.Discard(used)      // no more than what was peeked
		_, _ = c.Write(own.replies) // gnet closes the connection when it fails
	}
	return gnet.None
}
