package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Positions pulls the account afresh, which also brings the view up to date.
func (c *Client) Positions(ctx context.Context) (Snapshot, error) {
	var reply pb.PositionsReply
	var s Snapshot
	err := c.sendThen(ctx, codec.CommandPositions, nil, &reply, func() {
		s = snapshotOf(&reply)
		c.view.Refresh(s)
	})
	return s, err
}
