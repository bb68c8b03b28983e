package client

import "context"

// Reconnect makes a connection in the place of c, to the same server with the same
// options, and logs in again: next has c's view, and goes on from what it shows.
// OnPush gets the pushes that were missed meanwhile, in their order and before all
// later ones, unless there were too many (see Welcome).
//
// c is closed, if it is not over; so OnPush must not call Reconnect. The customer
// must be the one that was logged in. After an error, which is one of Dial or
// Login, c may be used for another try: the view is as it was. Whether and when to
// try again is for the caller to decide.
func (c *Client) Reconnect(ctx context.Context, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	c.shut(ErrClosed)
	next, err = dial(ctx, c.addr, c.options, c.view)
	if err != nil {
		return nil, Welcome{}, err
	}
	w, err = next.login(ctx, customer, credential, c.view.Display().Sequence)
	if err != nil {
		next.shut(ErrClosed)
		return nil, Welcome{}, err
	}
	return next, w, nil
}
