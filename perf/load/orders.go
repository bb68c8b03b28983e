package load

import (
	"holdfast/codec"
	"holdfast/codec/pb"
)

// newOrderRequests returns orders: a connection's odd requests buy one share, the even ones
// sell it, then the next instrument follows. Request 0 was the login.
func newOrderRequests(o Options, w wire, nonce uint32) requests {
	if o.Workload == Resting {
		return newRestingRequests(o, w, nonce)
	}
	var buys, sells []*prepared
	for _, instrument := range o.Instruments {
		buys = append(buys, newOrder(w, pb.Side_SIDE_BUY, instrument, nonce))
		sells = append(sells, newOrder(w, pb.Side_SIDE_SELL, instrument, nonce))
	}
	return &list{wire: w, pick: func(id uint64) *prepared {
		number := numberOf(id)
		sides := buys
		if number%2 == 0 {
			sides = sells
		}
		return sides[(connectionOf(id)+(number-1)/2)%uint32(len(sides))]
	}}
}

// newOrder returns a market order for one share. Its client order id is the mark.
func newOrder(w wire, side pb.Side, instrument [2]string, nonce uint32) *prepared {
	order := w.prepare(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{
		ClientOrderId: emptyMark(), Side: side, Market: instrument[0], Code: instrument[1], Quantity: 1,
	})
	order.nonce = nonce
	return order
}

// newRestingRequests returns limit orders and cancels: a connection's odd requests buy one share
// at a price that rests, the even ones cancel that order by its client order id.
func newRestingRequests(o Options, w wire, nonce uint32) requests {
	var buys []*prepared
	for i, instrument := range o.Instruments {
		buy := w.prepare(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{
			ClientOrderId: emptyMark(), Side: pb.Side_SIDE_BUY, Market: instrument[0], Code: instrument[1],
			Quantity: 1, Price: o.RestPrices[i],
		})
		buy.nonce = nonce
		buys = append(buys, buy)
	}
	cancel := w.prepare(codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: emptyMark()})
	cancel.nonce, cancel.markOf = nonce, 1
	return &list{wire: w, pick: func(id uint64) *prepared {
		number := numberOf(id)
		if number%2 == 0 {
			return cancel
		}
		return buys[(connectionOf(id)+number/2)%uint32(len(buys))]
	}}
}
