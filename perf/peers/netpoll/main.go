// Netpoll serves the packet dialect with github.com/cloudwego/netpoll: its
// poller reads, a goroutine of a connection that has sent something decodes
// without copying, and one flush writes the replies.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudwego/netpoll"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

// stopTimeout is how long connections may keep the process from ending.
const stopTimeout = time.Second

func serve(ctx context.Context, addr string) error {
	// Its guide: without deep stacks, goroutines of the language beat its pool.
	// It takes one poller for up to 20 cores by itself.
	plain := netpoll.Config{Runner: func(_ context.Context, f func()) { go f() }}
	if err := netpoll.Configure(plain); err != nil {
		return err
	}
	listener, err := netpoll.CreateListener("tcp", addr)
	if err != nil {
		return err
	}
	loop, err := netpoll.NewEventLoop(onRequest)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("netpoll: it ended by itself: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = loop.Shutdown(ctx) // fails when clients are still there: they lose nothing
	return nil
}

// onRequest answers all complete frames that are there with one flush, or waits
// for the rest of the first. Goroutine: one at a time for each connection, called
// again as long as bytes are unread.
func onRequest(_ context.Context, c netpoll.Connection) error {
	err := answer(c.Reader(), c.Writer())
	if err != nil {
		// netpoll calls again for unread bytes, even after the end.
		_ = c.Reader().Skip(c.Reader().Len())
		_ = c.Close()
	}
	return err
}

func answer(in netpoll.Reader, out netpoll.Writer) error {
	b, err := in.Peek(in.Len())
	if err != nil {
		return err
	}
	end, frames, err := peers.Scan(b)
	if err != nil {
		return err
	}
	if end == 0 {
		return wait(in, b)
	}
	replies, err := out.Malloc(frames * peers.ReplyLen)
	if err != nil {
		return err
	}
	peers.AppendReplies(replies[:0], b[:end]) // fills replies
	if err := in.Skip(end); err != nil {
		return err
	}
	if err := in.Release(); err != nil {
		return err
	}
	return out.Flush()
}

// wait blocks until the frame that begins with b is complete, or its length is.
func wait(in netpoll.Reader, b []byte) error {
	n, err := peers.FrameLen(b)
	if err != nil {
		return err
	}
	_, err = in.Peek(max(n, len(b)+1))
	return err
}
