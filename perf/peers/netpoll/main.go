// Netpoll serves the packet dialect with github.com/cloudwego/netpoll: its poller reads,
// a goroutine per connection with input decodes without copying, and one flush writes the
// replies.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudwego/netpoll"

	"holdfast/perf/peers"
)

func main() { peers.Main(serve) }

// stopTimeout is how long open connections may delay the end of the process.
const stopTimeout = time.Second

func serve(ctx context.Context, addr string) error {
	// Its guide says: without deep stacks, plain goroutines are faster than its pool. By
	// default it uses one poller for up to 20 cores.
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
		return fmt.Errorf("netpoll: stopped unexpectedly: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = loop.Shutdown(ctx) // fails if clients are still connected, which is harmless
	return nil
}

// onRequest answers all complete frames in the buffer with one flush, or waits for the
// rest of the first. Goroutine: one at a time per connection; netpoll calls it again
// while there are unread bytes.
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
	peers.AppendReplies(replies[:0], b[:end]) // into replies
	if err := in.Skip(end); err != nil {
		return err
	}
	if err := in.Release(); err != nil {
		return err
	}
	return out.Flush()
}

// wait blocks until the frame that starts with b, or its length field, is complete.
func wait(in netpoll.Reader, b []byte) error {
	n, err := peers.FrameLen(b)
	if err != nil {
		return err
	}
	_, err = in.Peek(max(n, len(b)+1))
	return err
}
