package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Positions requests the account and brings the view up to date.
func (c *Client) Positions(ctx context.Context) (Snapshot, error) {
	return c.pull(ctx, func() {})
}

// pull is Positions. It calls then on the reader's goroutine, before the view shows the
// reply.
func (c *Client) pull(ctx context.Context, then func()) (s Snapshot, err error) {
	var reply pb.PositionsReply
	err = c.sendThen(ctx, codec.CommandPositions, nil, &reply, func() {
		s = snapshotOf(&reply)
		then()
		c.view.Refresh(s)
	})
	return s, err
}

// pullView brings the view up to date after a SequenceBreak, unless a pull is already
// running.
func (c *Client) pullView() {
	if !c.pulling.CompareAndSwap(false, true) {
		return
	}
	c.background(func(ctx context.Context) {
		done := func() { c.pulling.Store(false) } // a break after this reply needs another pull
		if _, err := c.pull(ctx, done); err != nil {
			done() // the connection has ended, or the next break tries again
			return
		}
		if page, err := c.History(ctx, HistoryQuery{Limit: MaxShown}); err == nil {
			c.view.Merge(page.Executions)
		}
	})
}

// background runs work in a goroutine that Close waits for. Goroutine: the reader.
func (c *Client) background(work func(ctx context.Context)) {
	c.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*c.options.Timeout)
		defer cancel()
		work(ctx)
	})
}
