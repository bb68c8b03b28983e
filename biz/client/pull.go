package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// pullView brings the view up to date after a break, unless that has begun
// already. The reader calls it, so that work is never waited for at zero.
func (c *Client) pullView() {
	if !c.pulling.CompareAndSwap(false, true) {
		return
	}
	c.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*c.options.Timeout)
		defer cancel()
		var reply pb.PositionsReply
		err := c.sendThen(ctx, codec.CommandPositions, nil, &reply, func() {
			c.pulling.Store(false) // a break after this answer needs another one
			c.view.Refresh(snapshotOf(&reply))
		})
		if err != nil {
			c.pulling.Store(false) // the connection is over, or the next break tries again
			return
		}
		if page, err := c.History(ctx, HistoryQuery{Limit: MaxShown}); err == nil {
			c.view.Merge(page.Executions)
		}
	})
}

// pullPositions brings the positions up to date. The reader calls it.
func (c *Client) pullPositions() {
	c.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*c.options.Timeout)
		defer cancel()
		_, _ = c.Positions(ctx) // the connection is over, or later pushes tell
	})
}
