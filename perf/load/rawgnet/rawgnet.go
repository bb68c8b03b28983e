// Package rawgnet is the reference server of the comparisons: gnet and nothing else. It
// answers each complete frame of the packet dialect with a 14-byte reply (command | 0x80,
// the id, result 0) on the event loop, all replies of one OnTraffic in one write. The
// additional cost of a full server is the price of its sessions, lanes and business work.
//
// Limits: frames of 1 MiB; a longer or impossible length closes the connection. It does
// not limit connections: running out of descriptors ends it (ErrEnded).
package rawgnet

import (
	"context"
	"errors"
	"sync"

	"github.com/panjf2000/gnet/v2"

	"holdfast/codec"
)

// ErrEnded means that the server ended although ctx had not.
var ErrEnded = errors.New("rawgnet: the server ended unexpectedly")

// readBufferSize is how many bytes an event loop reads at a time.
const readBufferSize = 64 << 10

// server handles the traffic of all loops.
type server struct {
	gnet.BuiltinEventEngine
	booted chan gnet.Engine

	mu      sync.Mutex
	scratch map[gnet.EventLoop]*scratch
}

// scratch is the reply buffer of a loop. Owner: that loop.
type scratch struct {
	replies []byte
}

// Run serves addr (host:port) with that many event loops (0 means 1) until ctx ends, and
// returns nil then.
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
	_ = engine.Stop(ctx) // ctx has ended, so Stop stops the loops but does not wait for them
	return <-ended
}

func (s *server) serve(addr string, loops int) error {
	return gnet.Run(s, "tcp://"+addr,
		gnet.WithNumEventLoop(loops),
		gnet.WithReusePort(true),
		gnet.WithReadBufferCap(readBufferSize),
	)
}

// OnBoot signals Run that the listener is open.
func (s *server) OnBoot(engine gnet.Engine) gnet.Action {
	s.booted <- engine
	return gnet.None
}

// OnOpen attaches its loop's scratch to the connection.
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
		n, err := codec.Packet{}.FrameLen(b[used:], codec.DefaultMaxFrame)
		if err != nil {
			return gnet.Close
		}
		if n == 0 || n > len(b)-used {
			break
		}
		var m codec.Message                      // codec.Decode would allocate it
		_, _ = codec.Packet{}.Next(b[used:], &m) // a packet frame always decodes
		used += n
		own.replies = codec.Packet{}.AppendReply(own.replies, m.Command, m.ID, codec.ResultOK, nil)
	}
	if used > 0 {
		_, _ = c.Discard(used)      // not more than was peeked
		_, _ = c.Write(own.replies) // on an error gnet closes the connection
	}
	return gnet.None
}
