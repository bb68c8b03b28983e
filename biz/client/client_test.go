package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func TestHello(t *testing.T) {
	c := dial(t, ok, client.Options{})
	if want := (client.Hello{UID: 7, HeartbeatInterval: 20 * time.Second, ServerVersion: "test"}); c.Hello() != want {
		t.Errorf("got %+v, want %+v", c.Hello(), want)
	}
}

func TestLoginSendsCredentialAndUID(t *testing.T) {
	cases := []struct {
		name       string
		credential client.Credential
		check      func(*pb.LoginRequest) bool
	}{
		{"password", client.Password("secret"), func(r *pb.LoginRequest) bool { return r.GetPassword() == "secret" }},
		{"token", client.Token([]byte{1, 2}), func(r *pb.LoginRequest) bool { return string(r.GetToken()) == "\x01\x02" }},
		{"none", client.Credential{}, func(r *pb.LoginRequest) bool { return r.Credential == nil }},
		{"published token", client.DemoToken(100001), func(r *pb.LoginRequest) bool { return len(r.GetToken()) == 32 }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var request pb.LoginRequest
			c := dial(t, func(c *fakeConn, m codec.Message) {
				request.UnmarshalVT(m.Body)
				c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{Customer: 5, MarketValue: 3}, PushSequence: 9})
			}, client.Options{})
			s, err := c.Login(t.Context(), 5, tc.credential)
			if err != nil || s.Sequence != 9 || s.Account.Customer != 5 || s.MarketValue != 3 {
				t.Errorf("got %+v, %v", s, err)
			}
			if request.Customer != 5 || request.Uid != 7 || !tc.check(&request) {
				t.Errorf("request %v", &request)
			}
		})
	}
}

// Replies come in any order; each reaches the call that waits for it.
func TestPipelining(t *testing.T) {
	const requests = 50
	var held []codec.Message
	c := dial(t, func(c *fakeConn, m codec.Message) {
		m.Body = append([]byte(nil), m.Body...)
		if held = append(held, m); len(held) < requests {
			return
		}
		for i := len(held) - 1; i >= 0; i-- {
			var r pb.HistoryRequest
			r.UnmarshalVT(held[i].Body)
			c.answer(held[i], codec.ResultOK, &pb.HistoryReply{Executions: []*pb.Execution{{ExecutionId: r.BeforeExecutionId}}})
		}
	}, client.Options{})
	var work sync.WaitGroup
	for i := range requests {
		work.Go(func() {
			want := client.ExecutionID(i + 1)
			page, err := c.History(t.Context(), client.HistoryQuery{Before: want})
			if err != nil || len(page.Executions) != 1 || page.Executions[0].ID != want {
				t.Errorf("request %d got %+v, %v", i+1, page, err)
			}
		})
	}
	work.Wait()
}

func TestErrorsByResult(t *testing.T) {
	for result, want := range map[codec.Result]error{
		codec.ResultFailed:          client.ErrFailed,
		codec.ResultMalformed:       client.ErrMalformed,
		codec.ResultUnknownCommand:  client.ErrUnknownCommand,
		codec.ResultUnauthenticated: client.ErrUnauthenticated,
		codec.ResultForbidden:       client.ErrForbidden,
		codec.ResultRejected:        client.ErrRejected,
		codec.ResultOverloaded:      client.ErrOverloaded,
		codec.ResultUnavailable:     client.ErrUnavailable,
		codec.ResultTooLarge:        client.ErrTooLarge,
		codec.Result(200):           client.ErrUnknownResult,
	} {
		t.Run(result.String(), func(t *testing.T) {
			c := dial(t, func(c *fakeConn, m codec.Message) {
				c.answer(m, result, &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: "words", BlockingExecutionIds: []uint64{100001<<32 | 4}})
			}, client.Options{})
			_, err := c.Bust(t.Context(), 1, "why")
			var e *client.Error
			if !errors.Is(err, want) || !errors.As(err, &e) || e.Reason != client.ReasonBustBlocked ||
				err.Error() != "words (in the way: 100001-4)" {
				t.Errorf("got %v, want %v", err, want)
			}
			if c.Err() != nil {
				t.Errorf("the connection ended with %v", c.Err())
			}
		})
	}
}

func TestErrorWithoutWords(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) { c.answer(m, codec.ResultFailed, nil) }, client.Options{})
	if err := c.Submit(t.Context(), nil); !errors.Is(err, client.ErrFailed) || err.Error() != "the server could not do this" {
		t.Errorf("got %v", err)
	}
}

func TestPlaceOrder(t *testing.T) {
	var request pb.PlaceOrderRequest
	result := codec.ResultOK
	c := dial(t, func(c *fakeConn, m codec.Message) {
		request.UnmarshalVT(m.Body)
		c.answer(m, result, &pb.PlaceOrderReply{
			OrderId: 100001<<32 | 1, Executions: []*pb.Execution{{ExecutionId: 100001<<32 | 1, Quantity: 100, Price: 10_0000}}, Position: row("600100", 100),
		})
	}, client.Options{})
	o := client.Order{ClientOrderID: "x", Side: client.Sell, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100, Price: 3}
	for _, result = range []codec.Result{codec.ResultOK, codec.ResultDuplicate} {
		placed, err := c.PlaceOrder(t.Context(), o)
		if err != nil || placed.Duplicate != (result == codec.ResultDuplicate) || placed.Order.String() != "100001-1" ||
			placed.Executions[0].Value() != 1_000_0000 || placed.Position.Quantity != 100 {
			t.Errorf("%s: got %+v, %v", result, placed, err)
		}
	}
	if request.ClientOrderId != "x" || request.Side != pb.Side_SIDE_SELL || request.Market != "ALFA" || request.Quantity != 100 || request.Price != 3 {
		t.Errorf("request %v", &request)
	}
}

func TestQuotes(t *testing.T) {
	var request pb.QuotesRequest
	c := dial(t, func(c *fakeConn, m codec.Message) {
		request.UnmarshalVT(m.Body)
		c.answer(m, codec.ResultOK, &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "ALFA", Code: "1", Name: "One", LotSize: 10, PriceTick: 2, LastPrice: 3}}})
	}, client.Options{})
	list, err := c.Quotes(t.Context(), []client.Key{{Market: "ALFA", Code: "1"}}, true)
	want := client.Instrument{Key: client.Key{Market: "ALFA", Code: "1"}, Name: "One", LotSize: 10, PriceTick: 2, LastPrice: 3}
	if err != nil || len(list) != 1 || list[0] != want || !request.Subscribe || request.Instruments[0].Code != "1" {
		t.Errorf("got %+v, %v for %v", list, err, &request)
	}
}

func TestRequestsThatAreNotSent(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	c := dial(t, func(c *fakeConn, m codec.Message) {
		close(arrived)
		<-release
		ok(c, m)
	}, client.Options{MaxFrame: 64})
	if err := c.Submit(t.Context(), make([]byte, 52)); !errors.Is(err, client.ErrRequestTooLarge) {
		t.Errorf("too large: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Heartbeat(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	first := make(chan error, 1)
	go func() { first <- c.SubmitAs(t.Context(), 5, []byte("a")) }()
	<-arrived
	if err := c.SubmitAs(t.Context(), 5, []byte("b")); !errors.Is(err, client.ErrIDInUse) {
		t.Errorf("the same id again: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("first with the id: %v", err)
	}
}

// A call that waits when the connection ends returns the reason, and so do all later calls.
func TestEnds(t *testing.T) {
	cases := []struct {
		name  string
		end   handler
		is    error
		exact string // part of the error text
	}{
		{"closed", func(c *fakeConn, _ codec.Message) { c.Close() }, client.ErrClosedByServer, "the server closed the connection"},
		{"reset", func(c *fakeConn, _ codec.Message) {
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}, syscall.ECONNRESET, "cannot read from"},
		{"after a notice", func(c *fakeConn, _ codec.Message) {
			c.push(codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_IDLE, Text: "too quiet"})
			c.Close()
		}, client.ErrClosedByServer, "too quiet (IDLE)"},
		{"other protocol", func(c *fakeConn, _ codec.Message) { c.send([]byte("HTTP/1.1 400 Bad Request\r\n")) }, codec.ErrTooLarge, "a WebSocket listener has an address such as ws://HOST:PORT/ws"},
		{"frame too short", func(c *fakeConn, _ codec.Message) { c.send([]byte{0, 0, 0, 3}) }, codec.ErrTooShort, ""},
		{"request from the server", func(c *fakeConn, m codec.Message) { c.send(codec.AppendMessage(nil, m)) }, client.ErrProtocol, "neither a reply nor a push"},
		{"answer to another command", func(c *fakeConn, m codec.Message) {
			m.Command = codec.CommandBust
			c.answer(m, codec.ResultOK, nil)
		}, client.ErrProtocol, "BustReply as the reply to Heartbeat"},
		{"no result", func(c *fakeConn, m codec.Message) {
			c.send(codec.AppendHeader(nil, m.Command.Reply(), m.ID, 0))
		}, client.ErrProtocol, "without a result"},
		{"bytes after the result", func(c *fakeConn, m codec.Message) { c.answer(m, codec.ResultOK, &pb.Notice{Text: "x"}) }, client.ErrProtocol, "3 bytes after the result"},
		{"error body no protobuf", func(c *fakeConn, m codec.Message) {
			c.send(append(codec.AppendHeader(nil, m.Command.Reply(), m.ID, 2), 6, 0xff))
		}, client.ErrProtocol, "error body"},
		{"push no protobuf", func(c *fakeConn, _ codec.Message) {
			c.send(append(codec.AppendHeader(nil, codec.PushQuote, 0, 1), 0xff))
		}, client.ErrProtocol, "Quote push"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, tc.end, client.Options{})
			err := c.Heartbeat(t.Context())
			if !errors.Is(err, tc.is) || !containsText(err, tc.exact) {
				t.Errorf("the call that waited got %v", err)
			}
			<-c.Done()
			if !errors.Is(c.Err(), tc.is) {
				t.Errorf("Err is %v", c.Err())
			}
			if err := c.Heartbeat(t.Context()); !errors.Is(err, tc.is) {
				t.Errorf("a later call got %v", err)
			}
		})
	}
}

func TestNoticeErrorCarriesTheNotice(t *testing.T) {
	c := dial(t, func(c *fakeConn, _ codec.Message) {
		c.push(codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, Text: "bye"})
		c.Close()
	}, client.Options{})
	var e *client.NoticeError
	if err := c.Heartbeat(t.Context()); !errors.As(err, &e) || e.Notice.Code != client.NoticeShuttingDown || e.Notice.Text != "bye" {
		t.Errorf("got %v", err)
	}
}

// A reply to an abandoned call is dropped, and the connection goes on.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan codec.Message, 1)
		c := pipe(t, func(c *fakeConn, m codec.Message) {
			if m.Command == codec.CommandHeartbeat {
				c.answer(<-late, codec.ResultOK, nil)
				ok(c, m)
				return
			}
			late <- m
		}, client.Options{Timeout: time.Second, HeartbeatInterval: -1})
		defer c.Close()
		started := time.Now()
		if err := c.Submit(t.Context(), []byte("x")); !errors.Is(err, client.ErrTimeout) || !containsText(err, "Submit") {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(started); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		if err := c.Heartbeat(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestContextOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, func(*fakeConn, codec.Message) {}, client.Options{HeartbeatInterval: -1})
		defer c.Close()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := c.Submit(short, nil); !errors.Is(err, client.ErrTimeout) {
			t.Errorf("deadline: %v", err)
		}
		cut, cut1 := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cut1)
		if err := c.Submit(cut, nil); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrTimeout) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	for _, tc := range []struct {
		name     string
		override time.Duration
		beats    int // in one minute; the server asks for one in 20 s
	}{
		{"as the server asks", 0, 2},
		{"overridden", 5 * time.Second, 11},
		{"none", -1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				beats := 0
				c := pipe(t, func(c *fakeConn, m codec.Message) {
					if m.Command == codec.CommandHeartbeat {
						beats++
					}
					ok(c, m)
				}, client.Options{HeartbeatInterval: tc.override})
				time.Sleep(time.Minute - time.Nanosecond)
				synctest.Wait()
				c.Close()
				if beats != tc.beats {
					t.Errorf("%d heartbeats, want %d", beats, tc.beats)
				}
			})
		})
	}
}

func TestUnansweredHeartbeatEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, func(*fakeConn, codec.Message) {}, client.Options{Timeout: 3 * time.Second})
		defer c.Close()
		started := time.Now()
		<-c.Done()
		if !errors.Is(c.Err(), client.ErrTimeout) || time.Since(started) != 23*time.Second {
			t.Errorf("ended with %v after %v", c.Err(), time.Since(started))
		}
	})
}

// A server that reads nothing can't block a client for ever.
func TestWriteStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() { // greets, then reads no more
			b := make([]byte, 64)
			n, _ := far.Read(b)
			m, _, _ := codec.Decode(codec.Packet{}, b[:n], codec.DefaultMaxFrame)
			far.Write(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, &pb.ConnReply{}))
		}()
		c, err := client.Dial(t.Context(), "fake:1", client.Options{
			Timeout: 5 * time.Second, Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var e *client.ConnectionError
		if err := c.Heartbeat(t.Context()); !errors.As(err, &e) || e.Op != "write to" {
			t.Errorf("got %v", err)
		}
	})
}

func TestCloseFailsWhatWaits(t *testing.T) {
	asked := make(chan struct{})
	c := dial(t, func(*fakeConn, codec.Message) { close(asked) }, client.Options{})
	got := make(chan error, 1)
	go func() { got <- c.Heartbeat(t.Context()) }()
	<-asked
	c.Close()
	c.Close()
	if err := <-got; !errors.Is(err, client.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if !errors.Is(c.Err(), client.ErrClosed) {
		t.Errorf("Err is %v", c.Err())
	}
}

func TestDialErrors(t *testing.T) {
	silent := &fake{}
	silent.listener, _ = net.Listen("tcp", "127.0.0.1:0")
	t.Cleanup(silent.close)
	taken := newFake(func(*fakeConn, codec.Message) {})
	taken.close() // nobody listens there now

	cases := []struct {
		name string
		addr string
		o    client.Options
		is   error
	}{
		{"refused", taken.addr(), client.Options{}, syscall.ECONNREFUSED},
		{"silent", silent.addr(), client.Options{Timeout: time.Millisecond}, client.ErrTimeout},
		{"no answer to a connect", "x:1", client.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
		}, Timeout: time.Millisecond}, client.ErrTimeout},
		{"no time left after the connect", "x:1", client.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			near, far := net.Pipe()
			return near, far.Close()
		}, Timeout: time.Millisecond}, client.ErrTimeout},
		{"out of descriptors", "x:1", client.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EMFILE}
		}}, syscall.EMFILE},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := client.Dial(t.Context(), tc.addr, tc.o)
			if c != nil || !errors.Is(err, tc.is) || !containsText(err, tc.addr) {
				t.Errorf("got %v", err)
			}
			if client.Explain(err) == "" {
				t.Errorf("nothing to say about %v", err)
			}
		})
	}
}

func TestRefusedAtTheDoor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 64)
		conn.Read(b)
		(&fakeConn{Conn: conn}).push(codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS, Text: "full"})
		conn.Close()
	}()
	_, err = client.Dial(t.Context(), l.Addr().String(), client.Options{})
	var e *client.NoticeError
	if !errors.As(err, &e) || e.Notice.Code != client.NoticeTooManyConnections {
		t.Errorf("got %v", err)
	}
}

func TestLargeFrames(t *testing.T) {
	var many []*pb.Execution
	for i := range 2000 {
		many = append(many, &pb.Execution{ExecutionId: uint64(i + 1), ClientOrderId: fmt.Sprint("order ", i)})
	}
	c := dial(t, loggedIn(account{executions: many}, ok), client.Options{})
	for range 3 {
		page, err := c.History(t.Context(), client.HistoryQuery{Limit: 1000})
		if err != nil || len(page.Executions) != len(many) || page.Executions[1999].ClientOrderID != "order 1999" {
			t.Fatalf("%d executions, %v", len(page.Executions), err)
		}
	}
}
