package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
)

var (
	errBusy = &client.Error{Result: codec.ResultOverloaded, Message: "try again later"}
	closed  = func(c client.NoticeCode) error { return &client.NoticeError{Notice: client.Notice{Code: c}} }
)

func TestRetryUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := client.Retry(t.Context(), func() error {
			if tries++; tries < 6 {
				return fmt.Errorf("log in: %w", errBusy)
			}
			return nil
		})
		if err != nil || tries != 6 {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
}

// A server that stays busy ends in the error, within the limits.
func TestRetryGivesUp(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			start, tries := time.Now(), 0
			err := client.Retry(t.Context(), func() error {
				tries++
				return errBusy
			})
			if !errors.Is(err, client.ErrOverloaded) || !strings.Contains(err.Error(), fmt.Sprintf("(attempt %d, after ", tries)) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > time.Minute || tries > 20 || tries < 7 {
				t.Errorf("%d tries in %v", tries, took)
			}
		})
	}
}

func TestRetryEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := client.Retry(ctx, func() error { return errBusy })
		if !errors.Is(err, client.ErrOverloaded) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Only what may pass is tried again.
func TestBusy(t *testing.T) {
	for name, tc := range map[string]struct {
		err          error
		busy, denied bool
	}{
		"overloaded":            {errBusy, true, false},
		"too many connections":  {closed(client.NoticeTooManyConnections), true, false},
		"too many from address": {closed(client.NoticeTooManyFromAddress), true, false},
		"closed as overloaded":  {closed(client.NoticeOverloaded), true, false},
		"revoked":               {closed(client.NoticeRevoked), false, true},
		"stopping":              {closed(client.NoticeShuttingDown), false, false},
		"wrong password":        {&client.Error{Result: codec.ResultUnauthenticated}, false, true},
		"forbidden":             {&client.Error{Result: codec.ResultForbidden}, false, true},
		"unavailable":           {&client.Error{Result: codec.ResultUnavailable}, false, false},
		"no reply":              {client.ErrTimeout, false, false},
		"bad address":           {client.CheckAddress("x"), false, false},
		"nothing":               {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if client.Busy(tc.err) != tc.busy || client.Denied(tc.err) != tc.denied {
				t.Errorf("busy %t, denied %t", client.Busy(tc.err), client.Denied(tc.err))
			}
			tries := 0
			if tc.busy {
				return
			}
			if err := client.Retry(t.Context(), func() error { tries++; return tc.err }); !errors.Is(err, tc.err) || tries != 1 {
				t.Errorf("%v after %d tries", err, tries)
			}
		})
	}
}

// The pauses grow, differ, and have a limit.
func TestBackoff(t *testing.T) {
	limits := []int{200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000} // in ms
	longest := make([]time.Duration, len(limits))
	for range 200 {
		var b client.Backoff
		for i := range limits {
			longest[i] = max(longest[i], b.Next())
		}
	}
	for i := range limits {
		limit := time.Duration(limits[i]) * time.Millisecond
		if longest[i] >= limit || longest[i] < limit*8/10 {
			t.Errorf("pause %d is up to %v, want nearly %v", i, longest[i], limit)
		}
	}
}

func ExampleRetry() {
	server := exampleServer()
	defer server.close()

	ctx := context.Background()
	var c *client.Client
	var account client.Snapshot
	err := client.Retry(ctx, func() (err error) {
		if c, err = client.Dial(ctx, server.addr(), client.Options{}); err != nil {
			return err
		}
		if account, err = c.Login(ctx, 100001, client.DemoToken(100001)); err != nil {
			c.Close()
		}
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(account.Account.Customer)
	// Output: 100001
}
