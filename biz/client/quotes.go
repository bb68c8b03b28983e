package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Quotes returns the named instruments with their last prices; without keys, all
// instruments. With subscribe the server then pushes a Quote for each price move of these
// instruments. Each call replaces the subscription of an earlier one.
//
// A long list comes in several replies, each with its own time limit. A price may move
// between two of them: with subscribe, that is pushed.
func (c *Client) Quotes(ctx context.Context, keys []Key, subscribe bool) ([]Instrument, error) {
	request := &pb.QuotesRequest{Subscribe: subscribe}
	for _, key := range keys {
		request.Instruments = append(request.Instruments, &pb.InstrumentKey{Market: key.Market, Code: key.Code})
	}
	var pages pager
	list := []Instrument{}
	for {
		var reply pb.QuotesReply
		if err := c.send(ctx, codec.CommandQuotes, request, &reply); err != nil {
			return nil, err
		}
		for _, m := range reply.Instruments {
			list = append(list, instrumentOf(m))
		}
		if !reply.More {
			return list, nil
		}
		var err error
		if request.After, err = pages.next(lastInstrument(&reply), len(reply.Instruments)); err != nil {
			return nil, err
		}
	}
}

func lastInstrument(reply *pb.QuotesReply) Key {
	if len(reply.Instruments) == 0 {
		return Key{}
	}
	m := reply.Instruments[len(reply.Instruments)-1]
	return Key{m.GetMarket(), m.GetCode()}
}
