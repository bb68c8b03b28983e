package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Login tells the server who it is and returns the account. From then on pushes
// come. Logging in again as the same customer is allowed; as another one it is
// ErrForbidden. A wrong credential is ErrUnauthenticated.
func (c *Client) Login(ctx context.Context, customer Customer, credential Credential) (Snapshot, error) {
	welcome, err := c.login(ctx, customer, credential, 0)
	return welcome.Snapshot, err
}

// Welcome is the answer to a login that wants to go on where an earlier one ended.
type Welcome struct {
	// Resumed means that the view goes on from what it shows: the pushes that were
	// missed come before all others, and bring it up to date. Otherwise too many
	// were missed, or the server has another history: the view shows a snapshot and
	// nothing of before.
	Resumed bool
	// Snapshot is the account; without positions when Resumed.
	Snapshot Snapshot
}

// login logs in; from is the last push that the view has seen, or 0.
func (c *Client) login(ctx context.Context, customer Customer, credential Credential, from uint64) (Welcome, error) {
	request := &pb.LoginRequest{Customer: uint32(customer), Uid: c.hello.UID, ResumeFrom: from}
	switch {
	case credential.token != nil:
		request.Credential = &pb.LoginRequest_Token{Token: credential.token}
	case credential.password != "":
		request.Credential = &pb.LoginRequest_Password{Password: credential.password}
	}
	var reply pb.LoginReply
	var w Welcome
	err := c.sendThen(ctx, codec.CommandLogin, request, &reply, func() {
		account := accountOf(reply.Account)
		w.Resumed = reply.Resumed
		w.Snapshot = Snapshot{account, positionsOf(reply.Positions), account.MarketValue, reply.PushSequence}
		if reply.Resumed {
			c.view.Resume(account)
			c.pullPositions() // prices moved meanwhile, also of what was not traded
			return
		}
		c.view.Reset(w.Snapshot)
	})
	return w, err
}

// Logout ends the login; the connection stays and pushes stop.
func (c *Client) Logout(ctx context.Context) error {
	return c.send(ctx, codec.CommandLogout, nil, nil)
}
