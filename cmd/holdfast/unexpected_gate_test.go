//go:build gate && linux

package main_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/chaos"
)

// The fault: the system's table of open files is full, so the event loops stop
// unexpectedly. The promise: the process ends, too, with a reason and an exit code for
// the supervisor, and has everything that it acknowledged.
func TestGateStopsUnexpectedly(t *testing.T) {
	gateFault(t, chaos.Fault{
		Name: "unexpected", ID: "C4", Short: "accept fails for good", Needs: []string{"strace"},
		Promise: "the process ends with a reason; what was acknowledged is there",
		Gate:    chaos.Size{Rounds: 1, Size: 200}, Run: stopUnexpectedly,
	})
}

func stopUnexpectedly(ctx context.Context, r *chaos.Run) error {
	data := filepath.Join(r.Scratch, "unexpected")
	s, err := r.Start(ctx, chaos.ServerOptions{Data: data, Prefix: []string{
		"strace", "-f", "-qq", "-o", filepath.Join(r.Scratch, "trace"),
		"-e", "trace=accept4", "-e", "inject=accept4:error=ENFILE:when=4+",
	}})
	if err != nil {
		return err
	}
	acked, err := buyMany(ctx, s, r.Size)
	if err != nil {
		return err
	}
	connectUntilEnd(ctx, s)
	code, err := s.WaitFor(ctx, time.Minute)
	if err != nil || code != 1 {
		r.Broken("exit code %d, %v: %s", code, err, s.LastWords())
	}
	if said := s.Stderr(); !strings.Contains(said, "\nholdfast: engine: event loops stopped unexpectedly") {
		r.Broken("no reason was given: %s", said)
	}
	if s, err = r.Start(ctx, chaos.ServerOptions{Data: data}); err != nil {
		return err
	}
	found, err := executed(ctx, s)
	if err != nil {
		return err
	}
	if !maps.Equal(acked, found) {
		r.Broken("%d orders were acknowledged and %d are in the history", len(acked), len(found))
	}
	r.Figure("orders acknowledged", len(acked), "")
	return nil
}

// buyMany places orders until the server is gone or there are n, and returns the
// executions by order.
func buyMany(ctx context.Context, s *chaos.Server, n int) (map[string]client.ExecutionID, error) {
	c, err := dialFirst(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	instruments, err := c.Quotes(ctx, nil, false)
	if err != nil {
		return nil, err
	}
	acked := make(map[string]client.ExecutionID)
	for i := range n {
		o := client.Order{ClientOrderID: fmt.Sprint("unexpected/", i), Side: client.Buy, Key: instruments[0].Key, Quantity: 1}
		placed, err := c.PlaceOrder(ctx, o)
		if err != nil {
			return nil, err
		}
		acked[o.ClientOrderID] = placed.Executions[0].ID
	}
	return acked, nil
}

func dialFirst(ctx context.Context, s *chaos.Server) (*client.Client, error) {
	c, err := client.Dial(ctx, s.Addr, client.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := c.Login(ctx, 100_001, client.DemoToken(100_001)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func executed(ctx context.Context, s *chaos.Server) (map[string]client.ExecutionID, error) {
	c, err := dialFirst(ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	page, err := c.History(ctx, client.HistoryQuery{Limit: 1000})
	found := make(map[string]client.ExecutionID)
	for _, x := range page.Executions {
		found[x.ClientOrderID] = x.ID
	}
	return found, err
}

// connectUntilEnd opens connections until the server is gone.
func connectUntilEnd(ctx context.Context, s *chaos.Server) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var dialer net.Dialer
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	for ctx.Err() == nil {
		select {
		case <-s.Ended():
			return
		case <-time.After(10 * time.Millisecond):
		}
		if conn, err := dialer.DialContext(ctx, "tcp", s.Addr); err == nil {
			open = append(open, conn)
		}
	}
}
