package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// HistoryQuery says which executions to get.
type HistoryQuery struct {
	// Before selects executions older than this one; 0 starts with the newest.
	Before ExecutionID
	// History is the history that Before belongs to (Hello.History); in another one the
	// server refuses the query with ReasonHistoryReset. Zero: no such check.
	History HistoryID
	// Limit is 1 to 1000; 0 means 100.
	Limit int
	// Customer is whose history to read; 0 means one's own. The history of another
	// customer needs the operator role.
	Customer Customer
	// Key selects one instrument; the zero value means all.
	Key Key
	// Side selects buys or sells; 0 means both.
	Side Side
	// From and To bound the time of the trade: From <= time < To. Zero: no bound.
	From, To time.Time
	// State selects by whether they were busted.
	State ExecutionState
}

// ExecutionState says whether an execution was busted. A corrected one was busted, too.
type ExecutionState int32

// The states; the numbers are those of the protocol.
const (
	AnyExecution      ExecutionState = 0
	StandingExecution ExecutionState = 1 // neither busted nor corrected
	BustedExecution   ExecutionState = 2 // busted or corrected
)

// HistoryPage is a part of a history.
type HistoryPage struct {
	// Executions are sorted newest first.
	Executions []Execution
	// More is true if there may be older executions: to read them, set Before to Next. A page
	// can be short, or empty, and yet not be the last one.
	More bool
	Next ExecutionID // 0 without More
}

// History reads executions, busted ones included.
func (c *Client) History(ctx context.Context, q HistoryQuery) (HistoryPage, error) {
	request := &pb.HistoryRequest{
		BeforeExecutionId: uint64(q.Before), Limit: uint32(q.Limit), Customer: uint32(q.Customer),
		Market: q.Key.Market, Code: q.Key.Code, HistoryId: q.History.wire(),
		Side: pb.Side(q.Side), FromTime: nanoseconds(q.From), ToTime: nanoseconds(q.To), State: pb.ExecutionState(q.State),
	}
	var reply pb.HistoryReply
	if err := c.send(ctx, codec.CommandHistory, request, &reply); err != nil {
		return HistoryPage{}, err
	}
	page := HistoryPage{executionsOf(reply.Executions), reply.More, ExecutionID(reply.NextBeforeExecutionId)}
	if n := len(page.Executions); page.More && page.Next == 0 && n > 0 { // an earlier release
		page.Next = page.Executions[n-1].ID
	}
	return page, nil
}

// Executions returns all executions that a query selects, newest first, page by page; Limit is that
// of a page. Those that are executed meanwhile are not among them. It ends after the first error.
func (c *Client) Executions(ctx context.Context, q HistoryQuery) iter.Seq2[Execution, error] {
	return eachRow(q.Before, func(before ExecutionID) ([]Execution, ExecutionID, error) {
		q.Before = before
		page, err := c.History(ctx, q)
		return page.Executions, page.Next, err
	})
}

// eachRow returns the rows of all pages, from the one before an id on.
func eachRow[Row any, ID ~uint64](before ID, page func(before ID) ([]Row, ID, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			rows, next, err := page(before)
			if err == nil && next != 0 && before != 0 && next >= before {
				err = fmt.Errorf("%w: the page before %d leads to %d", ErrProtocol, before, next)
			}
			if err != nil {
				var none Row
				yield(none, err)
				return
			}
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
			if before = next; next == 0 {
				return
			}
		}
	}
}
