package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Quotes returns the named instruments with their last prices; without keys, all
// instruments. With subscribe the server then pushes a Quote for each price move of these
// instruments. Each call replaces the subscription of an earlier one.
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
