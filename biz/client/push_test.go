package client_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// containsText reports whether the text of an error contains text.
func containsText(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}

// scripted answers Submit and then sends pushes, in one write.
func scripted(frames ...[]byte) handler {
	return func(c *fakeConn, m codec.Message) {
		c.send(append(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil), slices.Concat(frames...)...))
	}
}

func executionFrame(sequence uint64, n uint64) []byte {
	return codec.AppendRequest(nil, codec.PushExecution, sequence, &pb.Execution{ExecutionId: 100001<<32 | n})
}

func updateFrame(sequence uint64, change pb.Change, p *pb.Position) []byte {
	return codec.AppendRequest(nil, codec.PushPositionUpdate, sequence, &pb.PositionUpdate{Change: change, Position: p, RowCount: 1, MarketValue: p.MarketValue})
}

func quoteFrame(price int64) []byte {
	return codec.AppendRequest(nil, codec.PushQuote, 0, &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: price, Time: 5})
}

func TestPushesOfEveryKindInOrder(t *testing.T) {
	got := make(chan client.Push, 16)
	c := dial(t, loggedIn(account{sequence: 4}, scripted(
		executionFrame(5, 3),
		updateFrame(6, pb.Change_CHANGE_OPENED, row("600100", 100)),
		quoteFrame(11_0000),
		codec.AppendRequest(nil, codec.PushExecutionBusted, 7, &pb.ExecutionBusted{ExecutionId: 100001<<32 | 3, Reason: "typo", Position: row("600100", 0)}),
		updateFrame(8, pb.Change_CHANGE_CLOSED, row("600100", 0)),
		codec.AppendMessage(nil, codec.Message{Command: 0x7f, Body: []byte("new")}),
		codec.AppendRequest(nil, codec.PushNotice, 0, &pb.Notice{Text: "hello"}),
	)), client.Options{OnPush: func(p client.Push) { got <- p }})
	login(t, c)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"Execution", "PositionUpdate", "Quote", "ExecutionBusted", "PositionUpdate", "UnknownPush", "Notice"}
	for i, sequence := range []uint64{5, 6, 0, 7, 8, 0, 0} {
		p := <-got
		if name := reflect.TypeOf(p.Event).Name(); name != want[i] || p.Sequence != sequence {
			t.Errorf("push %d is %s with sequence %d, want %s with %d", i, name, p.Sequence, want[i], sequence)
		}
		if q, isQuote := p.Event.(client.Quote); isQuote && (q.LastPrice != 11_0000 || q.Time.UnixNano() != 5) {
			t.Errorf("quote %+v", q)
		}
	}
}

// OnPush receives a SequenceBreak for a gap and for a repeated push; afterwards the view is
// right again.
func TestSequenceBreaks(t *testing.T) {
	now := account{
		positions: []*pb.Position{row("600100", 500)}, sequence: 9,
		executions: []*pb.Execution{{ExecutionId: 100001<<32 | 3}, {ExecutionId: 100001<<32 | 2, Busted: true}, {ExecutionId: 100001<<32 | 1}},
	}
	cases := []struct {
		name          string
		frames        [][]byte
		want          client.SequenceBreak
		text          string
		doubled       bool
		gaps, doubles uint64
		last          uint64
	}{
		{"one missing", [][]byte{executionFrame(11, 9)}, client.SequenceBreak{Want: 10, Got: 11}, "push 10 is missing", false, 1, 0, 11},
		{"many missing", [][]byte{executionFrame(14, 9)}, client.SequenceBreak{Want: 10, Got: 14}, "pushes 10 to 13 are missing", false, 1, 0, 14},
		{"double", [][]byte{executionFrame(9, 9)}, client.SequenceBreak{Want: 10, Got: 9}, "push 9 came twice", true, 0, 1, 9},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := make(chan client.Push, 16)
			c := dial(t, loggedIn(now, scripted(append(tc.frames, quoteFrame(1))...)), client.Options{OnPush: func(p client.Push) { got <- p }})
			login(t, c)
			if err := c.Submit(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			first := (<-got).Event.(client.SequenceBreak)
			if first != tc.want || first.String() != tc.text || first.Double() != tc.doubled {
				t.Errorf("got %+v (%s), want %+v (%s)", first, first, tc.want, tc.text)
			}
			if !tc.doubled {
				if x, isExecution := (<-got).Event.(client.Execution); !isExecution || x.ID.Number() != 9 {
					t.Errorf("the push after the gap is %+v", x)
				}
			}
			if p := <-got; p.Event.(client.Quote).LastPrice != 1 {
				t.Errorf("then comes %+v", p)
			}
			// The pull merges the history too, without busted executions.
			d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return d.Shows(client.NewExecutionID(100001, 3)) })
			if err != nil || d.Shows(client.NewExecutionID(100001, 2)) || d.Shows(client.NewExecutionID(100001, 9)) == tc.doubled ||
				d.Gaps != tc.gaps || d.Doubles != tc.doubles || d.Sequence != tc.last {
				t.Errorf("shown: %+v, %v", d, err)
			}
		})
	}
}

// Pushes in the same bytes as the reply to a login are applied after it.
func TestViewInWireOrder(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		reply := codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.LoginReply{
			Account: &pb.Account{Customer: 100001}, Positions: []*pb.Position{row("600100", 100)}, PushSequence: 2,
		})
		c.send(slices.Concat(reply, executionFrame(3, 2), updateFrame(4, pb.Change_CHANGE_INCREASED, row("600100", 300))))
	}, client.Options{})
	if s := login(t, c); s.Sequence != 2 || s.Positions[0].Quantity != 100 {
		t.Errorf("the answer is %+v", s)
	}
	d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == 4 })
	if err != nil || d.Positions[0].Quantity != 300 || len(d.Executions) != 1 || d.Gaps+d.Doubles != 0 || d.Account.Customer != 100001 {
		t.Errorf("shown: %+v, %v", d, err)
	}
}

func TestSlowOnPush(t *testing.T) {
	t.Run("quotes are dropped and counted", func(t *testing.T) {
		stuck, entered := make(chan struct{}), make(chan struct{}, 16)
		c := dial(t, scripted(quoteFrame(1), quoteFrame(2), quoteFrame(3), quoteFrame(4), quoteFrame(5)), client.Options{
			PushBuffer: 2, OnPush: func(client.Push) {
				entered <- struct{}{}
				<-stuck
			},
		})
		if err := c.Submit(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		<-entered
		// After this reply the client has read all five: two wait, and the first is
		// being delivered or waits too.
		if err := c.Submit(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if n := c.Dropped(); n < 2 {
			t.Errorf("%d dropped", n)
		}
		close(stuck)
	})
	t.Run("a numbered push ends the connection", func(t *testing.T) {
		stuck := make(chan struct{})
		c := dial(t, loggedIn(account{}, scripted(executionFrame(1, 1), executionFrame(2, 2), executionFrame(3, 3), executionFrame(4, 4))), client.Options{
			PushBuffer: 2, OnPush: func(client.Push) { <-stuck },
		})
		login(t, c)
		c.Submit(t.Context(), nil) // answered or not, the pushes arrive
		<-c.Done()
		if !errors.Is(c.Err(), client.ErrPushOverflow) {
			t.Errorf("ended with %v", c.Err())
		}
		close(stuck)
	})
}

func TestEveryGapIsPulled(t *testing.T) {
	pulls := make(chan struct{}, 16)
	sequence := uint64(0)
	answer := loggedIn(account{}, func(c *fakeConn, m codec.Message) {
		sequence += 2 // one is missing each time
		scripted(executionFrame(sequence, sequence))(c, m)
	})
	c := dial(t, func(c *fakeConn, m codec.Message) {
		answer(c, m)
		if m.Command == codec.CommandHistory { // the end of a pull
			pulls <- struct{}{}
		}
	}, client.Options{})
	login(t, c)
	for range 3 {
		if err := c.Submit(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		<-pulls
	}
}

// Close returns after the last call of OnPush has returned.
func TestCloseWaitsForOnPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, finished := make(chan struct{}), false
		c := pipe(t, scripted(quoteFrame(1)), client.Options{HeartbeatInterval: -1, OnPush: func(client.Push) {
			close(entered)
			time.Sleep(time.Second)
			finished = true
		}})
		if err := c.Submit(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		<-entered
		c.Close()
		if !finished {
			t.Error("Close came back first")
		}
	})
}

// OnPush may send requests.
func TestCallsFromOnPush(t *testing.T) {
	got := make(chan error, 1)
	asker := make(chan *client.Client, 1)
	c := dial(t, loggedIn(account{}, scripted(executionFrame(1, 1))), client.Options{OnPush: func(client.Push) {
		_, err := (<-asker).Positions(t.Context())
		got <- err
	}})
	asker <- c
	login(t, c)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// Whatever a server sends, the client neither panics nor hangs.
func FuzzServerBytes(f *testing.F) {
	f.Add(executionFrame(1, 1))
	f.Add(updateFrame(0, pb.Change_CHANGE_REPRICED, row("600100", 1)))
	f.Add(quoteFrame(7))
	f.Add(codec.AppendRequest(nil, codec.PushOrderUpdate, 1, &pb.OrderUpdate{Order: workingOrder(1, 5), Position: row("A", 1)}))
	f.Add(codec.AppendRequest(nil, codec.PushAccountUpdate, 1, &pb.AccountUpdate{Change: pb.AccountChange_ACCOUNT_CHANGE_RESET}))
	f.Add(codec.AppendRequest(nil, codec.PushExecutionBusted, 1, &pb.ExecutionBusted{ExecutionId: 1, CorrectedBy: 2}))
	f.Add(codec.AppendMessage(nil, codec.Message{Command: 0x7e, ID: 3}))
	f.Add([]byte{0, 0, 0, 14, 0x83, 0x80, 0, 0, 0, 0, 0, 0, 2, 6})
	f.Add([]byte{0, 0, 0, 13, 0x41, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		server := newFake(func(c *fakeConn, _ codec.Message) {
			c.send(b)
			c.Close()
		})
		defer server.close()
		c, err := client.Dial(t.Context(), server.addr(), client.Options{OnPush: func(client.Push) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Heartbeat(t.Context())
		<-c.Done()
		if c.Err() == nil {
			t.Error("ended without a reason")
		}
	})
}
