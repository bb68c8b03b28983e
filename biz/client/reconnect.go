package client

import "context"

// Reconnect replaces c: it connects to the same server with the same options and logs in
// again. next has c's view and continues from what it shows. OnPush receives the missed
// pushes in order and before all later ones, unless there were too many (see Welcome).
//
// Reconnect closes c, so OnPush must not call it. The customer must be the same as
// before. Errors are those of Dial and Login. After an error the view is unchanged, and
// the caller may call Reconnect again.
func (c *Client) Reconnect(ctx context.Context, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	c.shut(ErrClosed)
	next, err = connect(ctx, c.addr, c.options, c.view)
	if err != nil {
		return nil, Welcome{}, err
	}
	w, err = next.loginFrom(ctx, customer, credential, c.view.Display().Sequence)
	if err != nil {
		next.shut(ErrClosed)
		return nil, Welcome{}, err
	}
	return next, w, nil
}
