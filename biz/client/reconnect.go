package client

import "context"

// Reconnect replaces c: it connects to the same server with the same options and logs in
// again. If the server has several addresses, it starts with the one after that of c, whose node
// may be down, and goes on to the next one at once after each that does not let the customer in.
//
// next has c's view and continues from what it shows. OnPush receives the missed pushes in order
// and before all later ones, unless there were too many (see Welcome), or the view lacked
// something: then it restarts.
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
	return c.reconnectFrom(ctx, c.addrs, c.at+1, customer, credential)
}

// ReconnectTo is Reconnect to other addresses of the same server, in the order of the list addr: the
// listeners of a server have the same accounts, histories and numbers of pushes.
func (c *Client) ReconnectTo(ctx context.Context, addr string, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	c.shut(ErrClosed)
	addrs, err := ParseAddresses(addr)
	if err != nil {
		return nil, Welcome{}, err
	}
	return c.reconnectFrom(ctx, addrs, 0, customer, credential)
}

// reconnectFrom is Reconnect to the first of addrs that lets the customer in, from addrs[first] on.
func (c *Client) reconnectFrom(ctx context.Context, addrs []string, first int, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	c.shut(ErrClosed)
	err = TryAddresses(ctx, addrs, first, func(n int) (err error) {
		next, w, err = c.reconnectAt(ctx, addrs, n, customer, credential)
		return err
	})
	return next, w, err
}

// reconnectAt is Reconnect to one of addrs.
func (c *Client) reconnectAt(ctx context.Context, addrs []string, at int, customer Customer, credential Credential) (next *Client, w Welcome, err error) {
	next, err = connect(ctx, addrs, at, c.options, c.view, c.unknown, c.rooms)
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
