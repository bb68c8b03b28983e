package client

import (
	"context"

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
}

// HistoryPage is a part of a history.
type HistoryPage struct {
	// Executions are sorted newest first.
	Executions []Execution
	// More is true if there are older executions: to read them, set Before to the last
	// of these.
	More bool
}

// History reads executions, busted ones included.
func (c *Client) History(ctx context.Context, q HistoryQuery) (HistoryPage, error) {
	request := &pb.HistoryRequest{
		BeforeExecutionId: uint64(q.Before), Limit: uint32(q.Limit), Customer: uint32(q.Customer),
		Market: q.Key.Market, Code: q.Key.Code, HistoryId: q.History.wire(),
	}
	var reply pb.HistoryReply
	if err := c.send(ctx, codec.CommandHistory, request, &reply); err != nil {
		return HistoryPage{}, err
	}
	return HistoryPage{executionsOf(reply.Executions), reply.More}, nil
}
