package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Quotes returns the named instruments, or all, with their last prices. With
// subscribe, Quote pushes for them follow, and for no others; without it an
// earlier subscription ends.
func (c *Client) Quotes(ctx context.Context, keys []Key, subscribe bool) ([]Instrument, error) {
	request := &pb.QuotesRequest{Subscribe: subscribe}
	for _, key := range keys {
		request.Instruments = append(request.Instruments, &pb.InstrumentKey{Market: key.Market, Code: key.Code})
	}
	var reply pb.QuotesReply
	if err := c.send(ctx, codec.CommandQuotes, request, &reply); err != nil {
		return nil, err
	}
	list := make([]Instrument, 0, len(reply.Instruments))
	for _, m := range reply.Instruments {
		list = append(list, instrumentOf(m))
	}
	return list, nil
}
