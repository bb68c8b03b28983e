// Nbio serves the packet dialect with github.com/lesismal/nbio: its poller reads, decodes
// and writes. It is level-triggered, the default; edge-triggered mode makes the same
// system calls.
package main

import (
	"context"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

// stopTimeout is how long open connections may delay the end of the process.
const stopTimeout = time.Second

func serve(ctx context.Context, addr string) error {
	logging.SetLevel(logging.LevelError)
	engine := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{addr}, NPoller: 1})
	engine.OnData(new(peer).onData)
	if err := engine.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = engine.Shutdown(ctx) // fails if clients are still connected, which is harmless
	return nil
}

// peer answers requests. Owner: the one poller.
type peer struct {
	replies []byte
}

// partial holds the first bytes of a frame, stored as the session of its connection.
type partial struct {
	bytes []byte
}

// onData answers all complete frames with one write. Lifetime of data: the call.
func (p *peer) onData(c *nbio.Conn, data []byte) {
	kept, _ := c.Session().(*partial)
	if kept != nil {
		kept.bytes = append(kept.bytes, data...)
		data = kept.bytes
	}
	end, _, err := peers.Scan(data)
	if err != nil {
		_ = c.Close()
		return
	}
	if end > 0 {
		p.replies = peers.AppendReplies(p.replies[:0], data[:end])
		_, _ = c.Write(p.replies) // on an error nbio closes the connection
	}
	switch rest := data[end:]; {
	case kept != nil:
		kept.bytes = append(kept.bytes[:0], rest...)
	case len(rest) > 0:
		c.SetSession(&partial{bytes: append([]byte(nil), rest...)})
	}
}
