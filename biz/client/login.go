package client

import (
	"context"
	"errors"
	"fmt"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Login logs in and returns the account. From then on the server sends pushes. Another
// login as the same customer is allowed; as another customer it fails with ErrForbidden.
// A wrong credential fails with ErrUnauthenticated.
//
// A long list of positions comes in several replies, and so do the working orders, which only
// the view shows: until Login returns, it may show only a part of them. After an error the
// session may be logged in all the same.
func (c *Client) Login(ctx context.Context, customer Customer, credential Credential) (Snapshot, error) {
	welcome, err := c.loginFrom(ctx, customer, credential, HistoryID{}, 0)
	return welcome.Snapshot, err
}

// Welcome is the reply to the login of a Reconnect.
type Welcome struct {
	// Resumed means that the view continues from what it shows: the missed pushes come
	// first and bring it up to date. Otherwise the view restarts from Snapshot, and Why
	// says why.
	Resumed bool
	Why     SnapshotReason
	// Snapshot is the account. It has no positions if Resumed.
	Snapshot Snapshot
}

// loginFrom logs in; from is the number of the last push applied to the view, or 0, and
// history the one that it belongs to.
func (c *Client) loginFrom(
	ctx context.Context, customer Customer, credential Credential, history HistoryID, from uint64,
) (w Welcome, err error) {
	if history != (HistoryID{}) && c.hello.History == (HistoryID{}) {
		from = 0 // an earlier release, which can't read that history, must not resume into another one
	}
	request := &pb.LoginRequest{Customer: uint32(customer), Uid: c.hello.UID, ResumeFrom: from, HistoryId: history.wire()}
	switch {
	case credential.token != nil:
		request.Credential = &pb.LoginRequest_Token{Token: credential.token}
	case credential.password != "":
		request.Credential = &pb.LoginRequest_Password{Password: credential.password}
	}
	var reply pb.LoginReply
	err = c.exchange(ctx, c.nextID(), codec.CommandLogin, request, func(r codec.Result, b []byte) error {
		if r != codec.ResultOK {
			return decodeError(r, b)
		}
		if err := decodeReply(codec.CommandLogin, b, &reply); err != nil {
			return err
		}
		var wrong error
		if w, wrong = welcomeOf(&reply, history, c.hello.History); wrong == nil {
			c.welcomed(&w)
		}
		return wrong
	})
	if err != nil {
		return Welcome{}, err
	}
	if w.Resumed { // the missed pushes bring the positions and orders
		return w, nil
	}
	if reply.MorePositions {
		w.Snapshot, err = c.pullRest(ctx, w.Snapshot, reply.Positions, true)
	}
	if errors.Is(err, errNotWhole) {
		w.Snapshot, err = c.Positions(ctx)
	}
	if err == nil {
		err = c.pullWorking(ctx, &w.Snapshot)
	}
	if err != nil {
		c.view.doubt()
	}
	return w, err
}

// welcomeOf decodes the reply to a login. The view is of the history before, the server has
// the history now.
func welcomeOf(reply *pb.LoginReply, before, now HistoryID) (Welcome, error) {
	account := accountOf(reply.Account)
	w := Welcome{
		Resumed: reply.Resumed, Why: SnapshotReason(reply.SnapshotReason),
		Snapshot: Snapshot{account, positionsOf(reply.Positions), account.MarketValue, reply.PushSequence, now},
	}
	if before == now || before == (HistoryID{}) {
		return w, nil
	}
	if reply.Resumed {
		return Welcome{}, fmt.Errorf("%w: the login resumed into another history", ErrProtocol)
	}
	w.Why = SnapshotHistoryReset // also for a view that has seen no push yet
	return w, nil
}

// welcomed brings the view up to date after a login. Goroutine: the reader.
func (c *Client) welcomed(w *Welcome) {
	if !w.Resumed {
		c.view.Reset(w.Snapshot)
		return
	}
	c.view.Resume(w.Snapshot.Account)
	// Prices have moved meanwhile, also those of positions without a trade. If this fails,
	// the connection has ended or later pushes bring the prices.
	c.background(func(ctx context.Context) { _, _ = c.Positions(ctx) })
}

// Logout logs out: the connection stays open, pushes stop.
func (c *Client) Logout(ctx context.Context) error {
	return c.send(ctx, codec.CommandLogout, nil, nil)
}
