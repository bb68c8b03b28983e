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
	request := &pb.LoginRequest{Customer: uint32(customer), Uid: c.hello.UID}
	switch {
	case credential.token != nil:
		request.Credential = &pb.LoginRequest_Token{Token: credential.token}
	case credential.password != "":
		request.Credential = &pb.LoginRequest_Password{Password: credential.password}
	}
	var reply pb.LoginReply
	var s Snapshot
	err := c.sendThen(ctx, codec.CommandLogin, request, &reply, func() {
		account := accountOf(reply.Account)
		s = Snapshot{account, positionsOf(reply.Positions), account.MarketValue, reply.PushSequence}
		c.view.Reset(s)
	})
	return s, err
}

// Logout ends the login; the connection stays and pushes stop.
func (c *Client) Logout(ctx context.Context) error {
	return c.send(ctx, codec.CommandLogout, nil, nil)
}
