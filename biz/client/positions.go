package client

import (
	"context"
	"fmt"
	"slices"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Positions requests the account and brings the view up to date. A long list of positions
// comes in several replies, each with its own time limit; the snapshot includes what has
// changed meanwhile.
func (c *Client) Positions(ctx context.Context) (Snapshot, error) {
	return c.pull(ctx, func() {})
}

// PositionsOf requests the account and the positions of another customer. It needs the operator
// role. If the list comes in several replies, each is from its own moment.
func (c *Client) PositionsOf(ctx context.Context, customer Customer) (Snapshot, error) {
	var pages pager
	var all Snapshot
	request := &pb.PositionsRequest{Customer: uint32(customer)}
	for {
		var reply pb.PositionsReply
		err := c.send(ctx, codec.CommandPositions, request, &reply)
		if err != nil {
			return Snapshot{}, err
		}
		if got := Customer(reply.GetAccount().GetCustomer()); got != customer { // an earlier release has only one's own
			return Snapshot{}, fmt.Errorf("%w: the positions of %d in the reply to a request for those of %d", ErrProtocol, got, customer)
		}
		rows := all.Positions
		all = snapshotOf(&reply, c.hello.History)
		if all.Positions = append(rows, all.Positions...); !reply.More {
			slices.SortFunc(all.Positions, byKey)
			return all, nil
		}
		if request.After, err = pages.next(lastPosition(reply.Positions), len(reply.Positions)); err != nil {
			return Snapshot{}, err
		}
	}
}

// pull is Positions. It calls then on the reader's goroutine, before the view shows the
// first page.
func (c *Client) pull(ctx context.Context, then func()) (s Snapshot, err error) {
	err = untilWhole(func() (err error) {
		s, err = c.pullPages(ctx, then)
		return err
	})
	return s, err
}

func (c *Client) pullPages(ctx context.Context, then func()) (s Snapshot, err error) {
	var reply pb.PositionsReply
	var shown bool
	err = c.sendThen(ctx, codec.CommandPositions, &pb.PositionsRequest{}, &reply, func() {
		s = snapshotOf(&reply, c.hello.History)
		then()
		shown = c.view.Refresh(s, reply.More)
	})
	if err != nil || !reply.More {
		return s, err
	}
	return c.pullRest(ctx, s, reply.Positions, shown)
}

// pullRest requests the pages of the positions after the first one. shown reports whether
// the view shows the first page; if not, the view is newer, and the pages are only added to
// the snapshot. The error is errNotWhole if they do not fit together.
func (c *Client) pullRest(ctx context.Context, first Snapshot, page []*pb.Position, shown bool) (Snapshot, error) {
	var pages pager
	all, rows, whole := first, first.Positions, true
	for more := true; more; {
		after, err := pages.next(lastPosition(page), len(page))
		if err != nil {
			return Snapshot{}, err
		}
		var reply pb.PositionsReply
		err = c.sendThen(ctx, codec.CommandPositions, &pb.PositionsRequest{After: after}, &reply, func() {
			all = snapshotOf(&reply, first.History)
			rows = append(rows, all.Positions...)
			if !shown {
				return
			}
			c.view.Extend(all)
			if !reply.More {
				rows, whole = c.view.Trim(first.Sequence)
			}
		})
		if err != nil {
			return Snapshot{}, err
		}
		page, more = reply.Positions, reply.More
	}
	if !whole {
		return Snapshot{}, errNotWhole
	}
	slices.SortFunc(rows, byKey)
	all.Positions = rows
	return all, nil
}

// lastPosition returns where a page ends, in the server's order.
func lastPosition(page []*pb.Position) Key {
	if len(page) == 0 {
		return Key{}
	}
	last := page[len(page)-1]
	return Key{last.GetMarket(), last.GetCode()}
}

// pullView brings the view up to date after a SequenceBreak or a reset of the account, unless
// a pull is already running.
func (c *Client) pullView() {
	if !c.pulling.CompareAndSwap(false, true) {
		return
	}
	c.background(func(ctx context.Context) {
		done := func() { c.pulling.Store(false) } // a break after this reply needs another pull
		s, err := c.pull(ctx, done)
		if err == nil {
			err = c.pullWorking(ctx, &s)
		}
		if err != nil {
			done() // the connection has ended, or the next break tries again
			return
		}
		c.view.trust(s.Sequence)
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
