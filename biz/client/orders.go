package client

import (
	"context"
	"fmt"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// OrderList is the working orders of an account at one moment.
type OrderList struct {
	Orders []OrderState // in the order of their ids
	// Sequence is the number of the last push that the list includes.
	Sequence uint64
}

// Orders returns the working orders of a customer; 0 means one's own, another customer's need
// the operator role. One's own also bring the view up to date.
//
// A long list comes in several replies, each with its own time limit. One's own list includes
// what has changed meanwhile; of another customer, each reply is from its own moment.
func (c *Client) Orders(ctx context.Context, customer Customer) (list OrderList, err error) {
	err = untilWhole(func() (err error) {
		if customer == 0 {
			list, err = c.pullOrders(ctx)
		} else {
			list, err = c.orderPages(ctx, customer, func(*OrderList, bool) {})
		}
		return err
	})
	return list, err
}

// FindOrder returns one order, which need not work any more. ErrRejected with
// ReasonUnknownOrder means that there is no such order.
func (c *Client) FindOrder(ctx context.Context, o OrderRef) (OrderState, error) {
	request := &pb.OrdersRequest{
		OrderId: uint64(o.ID), ClientOrderId: o.ClientOrderID, Customer: uint32(o.Customer), HistoryId: o.History.wire(),
	}
	var reply pb.OrdersReply
	if err := c.send(ctx, codec.CommandOrders, request, &reply); err != nil {
		return OrderState{}, err
	}
	if len(reply.Orders) != 1 {
		return OrderState{}, fmt.Errorf("%w: %d orders in the reply to a request for one", ErrProtocol, len(reply.Orders))
	}
	return orderOf(reply.Orders[0]), nil
}

// pullWorking brings the working orders of the view up to date after a snapshot of the account.
func (c *Client) pullWorking(ctx context.Context, s *Snapshot) error {
	if s.Account.WorkingOrders == 0 { // also with a server of an earlier release
		c.view.endOrders(s.Sequence)
		return nil
	}
	_, err := c.Orders(ctx, 0)
	return err
}

// pullOrders requests one's own working orders and brings the view up to date.
func (c *Client) pullOrders(ctx context.Context) (OrderList, error) {
	var first uint64
	var shown, whole bool
	var all []OrderState
	started := false
	list, err := c.orderPages(ctx, 0, func(page *OrderList, more bool) {
		switch {
		case !started:
			first, started = page.Sequence, true
			shown = c.view.startOrders(*page)
		case shown:
			c.view.addOrders(*page)
		}
		if shown && !more {
			all, whole = c.view.endOrders(first)
		}
	})
	switch {
	case err != nil:
		return OrderList{}, err
	case !shown: // the view is newer
		return list, nil
	case !whole:
		return OrderList{}, errNotWhole
	}
	list.Orders = all
	return list, nil
}

// orderPages requests all pages of the working orders of a customer. It calls each on the
// reader's goroutine, before any later message of the server is handled.
func (c *Client) orderPages(ctx context.Context, customer Customer, each func(page *OrderList, more bool)) (list OrderList, err error) {
	request := &pb.OrdersRequest{Customer: uint32(customer)}
	list.Orders = []OrderState{}
	for {
		var reply pb.OrdersReply
		var page OrderList
		err := c.sendThen(ctx, codec.CommandOrders, request, &reply, func() {
			page = orderListOf(&reply)
			each(&page, reply.More)
		})
		if err != nil {
			return OrderList{}, err
		}
		list.Sequence, list.Orders = page.Sequence, append(list.Orders, page.Orders...)
		if !reply.More {
			return list, nil
		}
		n := len(page.Orders)
		if n == 0 || uint64(page.Orders[n-1].ID) <= request.AfterOrderId || len(list.Orders) > maxRows {
			return OrderList{}, fmt.Errorf("%w: more orders are announced, but the last page, with %d orders, leads nowhere", ErrProtocol, n)
		}
		request.AfterOrderId = uint64(page.Orders[n-1].ID)
	}
}

func orderListOf(m *pb.OrdersReply) OrderList {
	list := OrderList{make([]OrderState, 0, len(m.Orders)), m.PushSequence}
	for _, o := range m.Orders {
		list.Orders = append(list.Orders, orderOf(o))
	}
	return list
}
