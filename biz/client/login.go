package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Login logs in and returns the account. From then on the server sends pushes. Another
// login as the same customer is allowed; as another customer it fails with ErrForbidden.
// A wrong credential fails with ErrUnauthenticated.
func (c *Client) Login(ctx context.Context, customer Customer, credential Credential) (Snapshot, error) {
	welcome, err := c.loginFrom(ctx, customer, credential, 0)
	return welcome.Snapshot, err
}

// Welcome is the reply to the login of a Reconnect.
type Welcome struct {
	// Resumed means that the view continues from what it shows: the missed pushes come
	// first and bring it up to date. Otherwise too many pushes were missed, or the server
	// has another journal, and the view restarts from Snapshot.
	Resumed bool
	// Snapshot is the account. It has no positions if Resumed.
	Snapshot Snapshot
}

// loginFrom logs in; from is the number of the last push applied to the view, or 0.
func (c *Client) loginFrom(ctx context.Context, customer Customer, credential Credential, from uint64) (Welcome, error) {
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
			// Prices have moved meanwhile, also those of positions without a trade. If
			// this fails, the connection has ended or later pushes bring the prices.
			c.background(func(ctx context.Context) { _, _ = c.Positions(ctx) })
			return
		}
		c.view.Reset(w.Snapshot)
	})
	return w, err
}

// Logout logs out: the connection stays open, pushes stop.
func (c *Client) Logout(ctx context.Context) error {
	return c.send(ctx, codec.CommandLogout, nil, nil)
}
