package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"

	"holdfast/codec"
)

// Retry ends after this time or this number of attempts, whatever comes first.
const (
	retryTime     = time.Minute
	retryAttempts = 20
)

// The longest possible pause of a Backoff doubles from firstPause to maxPause.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
)

// Backoff returns the pauses between attempts. Each is random between 0 and a limit that
// doubles from 200 ms to 10 s, so that clients that failed at the same moment do not all
// try again at the same moment. The zero value is ready to use.
type Backoff struct{ limit time.Duration }

// settled is how long a connection must have lasted so that the next one is opened without a pause.
const settled = time.Second

// First returns the pause before the first attempt to replace c, whose connection has ended. It is 0 if
// the server has said that this node serves no more (NoticeShuttingDown, NoticeUnavailable) and has
// other addresses; else that of Next.
func (b *Backoff) First(c *Client) time.Duration {
	var closed *NoticeError
	if len(c.addrs) > 1 && errors.As(c.Err(), &closed) && time.Since(c.since) >= settled {
		switch closed.Notice.Code {
		case NoticeShuttingDown, NoticeUnavailable:
			return 0
		}
	}
	return b.Next()
}

// Next returns the next pause.
func (b *Backoff) Next() time.Duration {
	b.limit = min(max(2*b.limit, firstPause), maxPause)
	return rand.N(b.limit)
}

// Retry calls try until it returns nil or an error that is not Busy, with the pauses of a
// Backoff in between. It ends after a minute or 20 attempts, and at the end of ctx; then it
// returns the last error of try, with the number of attempts or the error of ctx. Use it for
// a Dial and a Login together:
//
//	err = client.Retry(ctx, func() error {
//		if c, err = client.Dial(ctx, addr, options); err != nil {
//			return err
//		}
//		if snapshot, err = c.Login(ctx, customer, credential); err != nil {
//			c.Close()
//		}
//		return err
//	})
func Retry(ctx context.Context, try func() error) error {
	start := time.Now()
	var pauses Backoff
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !Busy(err) {
			return err
		}
		pause := pauses.Next()
		if attempt == retryAttempts || time.Since(start)+pause > retryTime {
			return fmt.Errorf("%w (attempt %d, after %v)", err, attempt, time.Since(start).Round(time.Second))
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		}
	}
}

// Busy reports whether err means that the server had too much to do, or too many
// connections, and has executed nothing: the same request may succeed a little later.
func Busy(err error) bool {
	var refused *Error
	var closed *NoticeError
	var handshake *HandshakeError
	var frame *CloseError
	var all *AddressesError
	switch {
	case errors.As(err, &all):
		return slices.ContainsFunc(all.Errs, Busy)
	case errors.Is(err, ErrHandshakeRefused):
		return true
	case errors.As(err, &refused):
		return refused.Result == codec.ResultOverloaded
	case errors.As(err, &handshake):
		return handshake.Status == http.StatusServiceUnavailable || handshake.Status == http.StatusTooManyRequests
	case errors.As(err, &frame):
		return frame.Code == int(websocket.StatusTryAgainLater)
	case errors.As(err, &closed):
		switch closed.Notice.Code {
		case NoticeOverloaded, NoticeTooManyConnections, NoticeTooManyFromAddress:
			return true
		}
	}
	return false
}

// Denied reports whether err means that this customer and credential are not allowed in:
// to try again is useless.
func Denied(err error) bool {
	var closed *NoticeError
	return errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrClientCertificate) ||
		errors.As(err, &closed) && closed.Notice.Code == NoticeRevoked
}
