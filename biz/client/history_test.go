package client_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

var (
	before = client.HistoryID{1, 15: 2}
	after  = client.HistoryID{3, 15: 4}
)

// resettable is a fake server whose history may change between two connections.
type resettable struct {
	mu      sync.Mutex
	history client.HistoryID // zero: a server that does not name it
	resumes bool
	reason  pb.SnapshotReason
	silent  bool // orders are not answered: the connection ends
	logins  []*pb.LoginRequest
	orders  []*pb.PlaceOrderRequest

	replacements []*pb.ReplaceOrderRequest
}

func (s *resettable) bytes() []byte {
	if s.history == (client.HistoryID{}) {
		return nil
	}
	return s.history[:]
}

func (s *resettable) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *resettable) handle(c *fakeConn, m codec.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Command {
	case codec.CommandConn:
		c.answer(m, codec.ResultOK, &pb.ConnReply{HistoryId: s.bytes()})
	case codec.CommandLogin:
		request := new(pb.LoginRequest)
		request.UnmarshalVT(m.Body)
		s.logins = append(s.logins, request)
		c.answer(m, codec.ResultOK, &pb.LoginReply{
			Account: &pb.Account{}, PushSequence: 4, HistoryId: s.bytes(),
			Resumed: s.resumes && request.ResumeFrom > 0, SnapshotReason: s.reason,
		})
	case codec.CommandPlaceOrder:
		request := new(pb.PlaceOrderRequest)
		request.UnmarshalVT(m.Body)
		s.orders = append(s.orders, request)
		switch {
		case s.silent:
			c.Close()
		case len(request.HistoryId) > 0 && !bytes.Equal(request.HistoryId, s.bytes()):
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_HISTORY_RESET})
		case request.Quantity == 0:
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BAD_QUANTITY})
		case request.Quantity < 0:
			c.answer(m, codec.ResultOverloaded, &pb.Error{})
		default:
			c.answer(m, codec.ResultOK, &pb.PlaceOrderReply{})
		}
	case codec.CommandReplaceOrder:
		request := new(pb.ReplaceOrderRequest)
		request.UnmarshalVT(m.Body)
		s.replacements = append(s.replacements, request)
		switch {
		case s.silent:
			c.Close()
		case len(request.HistoryId) > 0 && !bytes.Equal(request.HistoryId, s.bytes()):
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_HISTORY_RESET})
		default:
			c.answer(m, codec.ResultOK, &pb.ReplaceOrderReply{})
		}
	case codec.CommandPositions:
		c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{}, PushSequence: 4})
	default:
		c.answer(m, codec.ResultOK, nil)
	}
}

func (s *resettable) lastOrder() *pb.PlaceOrderRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders[len(s.orders)-1]
}

func (s *resettable) lastReplacement() *pb.ReplaceOrderRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replacements[len(s.replacements)-1]
}

// dial connects and logs in.
func (s *resettable) dial(t *testing.T) *client.Client {
	t.Helper()
	f := newPlainFake(s.handle)
	t.Cleanup(f.close)
	c, err := client.Dial(t.Context(), f.addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	login(t, c)
	return c
}

func reconnect(t *testing.T, c *client.Client) (*client.Client, client.Welcome) {
	t.Helper()
	next, welcome, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Close() })
	return next, welcome
}

// After a reset the view shows nothing of the earlier history, and Welcome says why.
func TestReconnectAfterReset(t *testing.T) {
	cases := []struct {
		name        string
		first, next client.HistoryID
		resumes     bool
		reason      pb.SnapshotReason
		want        client.SnapshotReason
		executions  int // shown
	}{
		{"same history", before, before, true, 0, 0, 1},
		{"reset", before, after, false, pb.SnapshotReason_SNAPSHOT_REASON_HISTORY_RESET, client.SnapshotHistoryReset, 0},
		{"reset, and the server does not say so", before, after, false, 0, client.SnapshotHistoryReset, 0},
		{"too old", before, before, false, pb.SnapshotReason_SNAPSHOT_REASON_TOO_OLD, client.SnapshotTooOld, 0},
		{"ahead", before, before, false, pb.SnapshotReason_SNAPSHOT_REASON_AHEAD, client.SnapshotAhead, 0},
		{"now the server names its history", client.HistoryID{}, after, false, pb.SnapshotReason_SNAPSHOT_REASON_NO_HISTORY_ID, client.SnapshotNoHistoryID, 0},
		{"old server", client.HistoryID{}, client.HistoryID{}, true, 0, 0, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := &resettable{history: tc.first, resumes: tc.resumes, reason: tc.reason}
			c := s.dial(t)
			c.View().Apply(client.Push{Sequence: 5, Event: execution(1)})
			if got := c.Hello().History; got != tc.first {
				t.Errorf("Hello has history %s", got)
			}
			s.set(func() { s.history = tc.next })
			next, welcome := reconnect(t, c)
			if welcome.Why != tc.want || welcome.Resumed != tc.resumes {
				t.Errorf("got %+v, want %s", welcome, tc.want)
			}
			if request := s.logins[1]; request.ResumeFrom != 5 || !bytes.Equal(request.HistoryId, wire(tc.first)) {
				t.Errorf("resumed from push %d of history %x", request.ResumeFrom, request.HistoryId)
			}
			d := next.View().Display()
			if len(d.Executions) != tc.executions || !tc.resumes && d.History != tc.next {
				t.Errorf("the view shows %d executions of history %s", len(d.Executions), d.History)
			}
		})
	}
}

func wire(h client.HistoryID) []byte {
	if h == (client.HistoryID{}) {
		return nil
	}
	return h[:]
}

// A view that has seen no push does not ask to resume, and learns of the reset all the same.
func TestResetBeforeTheFirstPush(t *testing.T) {
	s := &resettable{history: before}
	c := s.dial(t)
	c.View().Reset(client.Snapshot{History: before})
	s.set(func() { s.history = after })
	if _, welcome := reconnect(t, c); welcome.Why != client.SnapshotHistoryReset {
		t.Errorf("got %s", welcome.Why)
	}
}

// A server of an earlier release does not name its history, and can't have the one that was
// named before: neither the view nor an order continues there.
func TestReconnectToAnEarlierRelease(t *testing.T) {
	s := &resettable{history: before, resumes: true, silent: true}
	c := s.dial(t)
	o := client.Order{ClientOrderID: "lost", Side: client.Buy, Quantity: 1}
	if _, err := c.PlaceOrder(t.Context(), o); err == nil {
		t.Error("no error")
	}
	c.View().Apply(client.Push{Sequence: 5, Event: execution(1)})
	s.set(func() { s.silent, s.history = false, client.HistoryID{} })
	c, welcome := reconnect(t, c)
	if welcome.Resumed || welcome.Why != client.SnapshotHistoryReset || len(c.View().Display().Executions) > 0 {
		t.Errorf("got %+v", welcome)
	}
	var refused *client.Error
	if _, err := c.PlaceOrder(t.Context(), o); !errors.As(err, &refused) || refused.Reason != client.ReasonHistoryReset {
		t.Errorf("got %v", err)
	}
	if n := len(s.orders); n != 1 {
		t.Errorf("the order was sent %d times", n)
	}
}

func TestResumedIntoAnotherHistory(t *testing.T) {
	s := &resettable{history: before, resumes: true}
	c := s.dial(t)
	s.set(func() { s.history = after })
	if _, _, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001)); !errors.Is(err, client.ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

func TestHistoryIDOfAnotherLength(t *testing.T) {
	f := newPlainFake(func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultOK, &pb.ConnReply{HistoryId: []byte("short")})
	})
	defer f.close()
	if _, err := client.Dial(t.Context(), f.addr(), client.Options{}); !errors.Is(err, client.ErrProtocol) {
		t.Errorf("got %v", err)
	}
}

// An order that is sent again carries the history of its first send; one that is sent for
// the first time carries none.
func TestOrderSentAgainAfterReset(t *testing.T) {
	order := func(id string, q client.Quantity) client.Order {
		return client.Order{ClientOrderID: id, Side: client.Buy, Quantity: q}
	}
	s := &resettable{history: before}
	c := s.dial(t)
	place := func(c *client.Client, o client.Order, want []byte) error {
		t.Helper()
		_, err := c.PlaceOrder(t.Context(), o)
		if got := s.lastOrder(); got.ClientOrderId != o.ClientOrderID || !bytes.Equal(got.HistoryId, want) {
			t.Errorf("order %s was sent with history %x, want %x", got.ClientOrderId, got.HistoryId, want)
		}
		return err
	}
	if err := place(c, order("answered", 1), nil); err != nil {
		t.Error(err)
	}
	if err := place(c, order("refused", 0), nil); !errors.Is(err, client.ErrRejected) {
		t.Error(err)
	}
	s.set(func() { s.silent = true })
	if err := place(c, order("lost", 1), nil); err == nil {
		t.Error("no error")
	}
	if _, err := c.PlaceOrder(t.Context(), order("never sent", 1)); err == nil {
		t.Error("no error")
	}
	c, _ = reconnect(t, c)
	if err := place(c, order("lost", 1), before[:]); err == nil {
		t.Error("no error")
	}
	s.set(func() { s.silent, s.history = false, after })
	c, _ = reconnect(t, c)
	if err := place(c, order("lost", -1), before[:]); err == nil { // overloaded or reset: not known either way
		t.Error("no error")
	}
	for range 2 {
		var refused *client.Error
		if err := place(c, order("lost", 1), before[:]); !errors.As(err, &refused) || refused.Reason != client.ReasonHistoryReset {
			t.Errorf("got %v", err)
		}
	}
	stored := order("stored", 1)
	stored.History = before
	if err := place(c, stored, before[:]); !errors.Is(err, client.ErrRejected) {
		t.Error(err)
	}
	for _, id := range []string{"answered", "refused", "never sent", "fresh", ""} {
		if err := place(c, order(id, 1), nil); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// Once an order is answered, its history is forgotten.
func TestAnsweredAfterReconnect(t *testing.T) {
	s := &resettable{history: before, silent: true}
	c := s.dial(t)
	o := client.Order{ClientOrderID: "x", Side: client.Buy, Quantity: 1}
	if _, err := c.PlaceOrder(t.Context(), o); err == nil {
		t.Error("no error")
	}
	s.set(func() { s.silent = false })
	c, _ = reconnect(t, c)
	for _, want := range [][]byte{before[:], nil} {
		if _, err := c.PlaceOrder(t.Context(), o); err != nil || !bytes.Equal(s.lastOrder().HistoryId, want) {
			t.Errorf("%v, history %x, want %x", err, s.lastOrder().HistoryId, want)
		}
	}
}

func TestSnapshotReasonText(t *testing.T) {
	if got := client.SnapshotHistoryReset.String(); got != "HISTORY_RESET" {
		t.Errorf("got %s", got)
	}
	texts := map[string]bool{}
	for number := range pb.SnapshotReason_name {
		texts[client.SnapshotReason(number).Text()] = true
	}
	if len(texts) != len(pb.SnapshotReason_name) || texts[""] {
		t.Errorf("not a text for each reason: %v", texts)
	}
	if got := before.String(); got != "01000000000000000000000000000002" || (client.HistoryID{}).String() != "" {
		t.Errorf("got %s", got)
	}
}

// A login may wait for its turn longer than another request.
func TestLoginTimeout(t *testing.T) {
	cases := map[string]struct {
		options client.Options
		want    time.Duration
	}{
		"default":     {client.Options{}, client.DefaultLoginTimeout},
		"timeout set": {client.Options{Timeout: time.Second}, time.Second},
		"both set":    {client.Options{Timeout: time.Second, LoginTimeout: time.Minute}, time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.options.HeartbeatInterval = -1
				c := pipe(t, func(*fakeConn, codec.Message) {}, tc.options)
				defer c.Close()
				start := time.Now()
				if _, err := c.Login(t.Context(), 1, client.DemoToken(1)); !errors.Is(err, client.ErrTimeout) || time.Since(start) != tc.want {
					t.Errorf("%v after %v, want %v", err, time.Since(start), tc.want)
				}
			})
		})
	}
}

// The history that an execution id belongs to is sent with it.
func TestExecutionIDOfAHistory(t *testing.T) {
	var bust pb.BustRequest
	var query pb.HistoryRequest
	c := dial(t, func(c *fakeConn, m codec.Message) {
		var err error
		switch m.Command {
		case codec.CommandBust:
			err = bust.UnmarshalVT(m.Body)
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_HISTORY_RESET})
		case codec.CommandHistory:
			err = query.UnmarshalVT(m.Body)
			c.answer(m, codec.ResultOK, &pb.HistoryReply{})
		}
		if err != nil {
			t.Error(err)
		}
	}, client.Options{})
	var refused *client.Error
	if _, err := c.BustIn(t.Context(), before, 1, "why"); !errors.As(err, &refused) || refused.Reason != client.ReasonHistoryReset {
		t.Error(err)
	}
	if _, err := c.History(t.Context(), client.HistoryQuery{Before: 1, History: before}); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(bust.HistoryId, before[:]) || !bytes.Equal(query.HistoryId, before[:]) {
		t.Errorf("history %x with the bust, %x with the query", bust.HistoryId, query.HistoryId)
	}
}
