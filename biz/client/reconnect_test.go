package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// resuming answers logins: with a snapshot at push 2, or with the pushes after it for a
// client that resumes from there. While down it closes the connection instead.
func resuming(down *atomic.Bool) handler {
	return func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandLogin:
			var request pb.LoginRequest
			if err := request.UnmarshalVT(m.Body); err != nil || down.Load() {
				c.Close()
				return
			}
			account := &pb.Account{Customer: request.Customer, Cash: int64(request.ResumeFrom)}
			if request.ResumeFrom != 2 {
				c.answer(m, codec.ResultOK, &pb.LoginReply{Account: account, Positions: []*pb.Position{row("A", 100)}, PushSequence: 2})
				return
			}
			c.answer(m, codec.ResultOK, &pb.LoginReply{Account: account, PushSequence: 2, Resumed: true})
			c.push(codec.PushExecution, 3, &pb.Execution{ExecutionId: 1})
			c.push(codec.PushPositionUpdate, 4, &pb.PositionUpdate{Change: pb.Change_CHANGE_INCREASED, Position: row("A", 150)})
		case codec.CommandPositions:
			c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{Cash: 7}, Positions: []*pb.Position{row("A", 150)}, PushSequence: 4})
		default:
			c.Close()
		}
	}
}

// TestReconnect: the next connection has the same view, and the missed pushes are applied
// to it. A failed attempt changes nothing.
func TestReconnect(t *testing.T) {
	var down atomic.Bool
	var pushed atomic.Int64
	c := dial(t, resuming(&down), client.Options{OnPush: func(p client.Push) { pushed.Add(int64(p.Sequence)) }})
	login(t, c)
	c.View().Merge([]client.Execution{execution(9)})
	down.Store(true)
	_, _, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if !errors.Is(err, client.ErrClosedByServer) && !errors.As(err, new(*client.ConnectionError)) {
		t.Errorf("while the server is down: %v", err)
	}
	if !errors.Is(c.Err(), client.ErrClosed) || c.View().Display().Sequence != 2 {
		t.Errorf("%v, view %+v", c.Err(), c.View().Display())
	}
	down.Store(false)
	next, welcome, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	d, err := next.View().Wait(t.Context(), func(d *client.Display) bool { return d.Account.Cash == 7 })
	if err != nil || !welcome.Resumed || next.View() != c.View() || d.Sequence != 4 || d.Gaps+d.Doubles != 0 ||
		len(d.Positions) != 1 || d.Positions[0].Quantity != 150 || len(d.Executions) != 2 {
		t.Errorf("%v, %+v, view %+v", err, welcome, d)
	}
	if err := next.Close(); err != nil || pushed.Load() != 3+4 {
		t.Errorf("%v, pushes that add up to %d", err, pushed.Load())
	}
	again, welcome, err := next.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if d := again.View().Display(); welcome.Resumed || welcome.Snapshot.Sequence != 2 || d.Sequence != 2 || len(d.Executions) != 0 {
		t.Errorf("too far: %+v, view %+v", welcome, d)
	}
}

// TestReconnectWithoutServer: nothing listens any more.
func TestReconnectWithoutServer(t *testing.T) {
	f := newFake(resuming(new(atomic.Bool)))
	c, err := client.Dial(t.Context(), f.addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	login(t, c)
	c.Close()
	f.close()
	_, _, err = c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	var connection *client.ConnectionError
	if !errors.As(err, &connection) || connection.Op != "connect to" || len(c.View().Display().Positions) != 1 {
		t.Errorf("%v", err)
	}
}

// OnPush is not called for heartbeats of the server.
func TestHeartbeatPush(t *testing.T) {
	pushes := make(chan client.Push, 8)
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.push(codec.PushHeartbeat, 0, nil)
		c.answer(m, codec.ResultOK, nil)
	}, client.Options{OnPush: func(p client.Push) { pushes <- p }})
	if err := c.Heartbeat(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if len(pushes) != 0 {
		t.Errorf("push %+v", <-pushes)
	}
}

func ExampleClient_Reconnect() {
	f := newFake(resuming(new(atomic.Bool)))
	defer f.close()
	ctx := context.Background()
	missed := make(chan string, 8)
	options := client.Options{
		Dial:   new(net.Dialer).DialContext,
		OnPush: func(p client.Push) { missed <- fmt.Sprintf("push %d", p.Sequence) },
	}
	c, err := client.Dial(ctx, f.addr(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Login(ctx, 100001, client.DemoToken(100001)); err != nil {
		fmt.Println(err)
	}
	c.Close() // as a network failure does

	next, welcome, err := c.Reconnect(ctx, 100001, client.DemoToken(100001))
	if err != nil {
		fmt.Println(err) // wait a moment and try again with c
		return
	}
	defer next.Close()
	fmt.Println(welcome.Resumed, <-missed, <-missed)
	// Output: true push 3 push 4
}
