package client

import "context"

// Reconnect replaces c: it connects to the same server with the same options and logs in
// again. next has c's view and continues from what it shows. OnPush receives the missed
// pushes in order and before all later ones, unless there were too many (see Welcome), or the
// view lacked something: then it restarts.
//
// next then joins the chat rooms of c. Messages from before that have already been pushed
// are not pushed again.
//
// If the server was reset meanwhile, the view restarts and Welcome.Why is
// SnapshotHistoryReset. Orders whose outcome was unknown then fail with
// ReasonHistoryReset when they are sent again: see PlaceOrder.
//
// Reconnect closes c, so OnPush must not call it. The customer must be the same as
// before. Errors are those of Dial and Login. After an error the caller may call Reconnect
// again; the view is unchanged, or shows a part of a new list of positions.
func (c *Client) Reconnect(ctx context.Context, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	return c.ReconnectTo(ctx, c.addr, customer, credential)
}

// ReconnectTo is Reconnect to another address of the same server: the listeners of a server
// have the same accounts, histories and numbers of pushes.
func (c *Client) ReconnectTo(ctx context.Context, addr string, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	c.shut(ErrClosed)
	next, err = connect(ctx, addr, c.options, c.view, c.unknown, c.rooms)
	if err != nil {
		return nil, Welcome{}, err
	}
	history, seen := c.view.place()
	w, err = next.loginFrom(ctx, customer, credential, history, seen)
	if err != nil {
		next.shut(ErrClosed)
		return nil, Welcome{}, err
	}
	next.joinAgain(ctx)
	return next, w, nil
}
