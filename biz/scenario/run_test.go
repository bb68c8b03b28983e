package scenario_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/scenario"
	"holdfast/biz/simulation"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// names are the steps of a report without their results.
func names(r *scenario.Report) []string {
	var list []string
	for _, s := range r.Steps {
		list = append(list, s.Case+": "+s.Step)
	}
	return list
}

func complain(t *testing.T, r *scenario.Report) {
	t.Helper()
	for _, s := range r.Steps {
		if !s.OK {
			t.Error(s)
		}
	}
}

// A second run on the same accounts has the same steps.
func TestRunTwice(t *testing.T) {
	addr := startServer(t, simulation.Config{})
	var mu sync.Mutex
	var events []string
	var log strings.Builder
	o := scenario.Options{Addr: addr, Log: &log, OnEvent: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, line)
	}}
	first, err := scenario.Run(t.Context(), o)
	must(t, err)
	complain(t, first)
	if lines := strings.Count(log.String(), "\n"); first.Failed() || lines != len(first.Steps) {
		t.Errorf("%d steps, %d lines of log", len(first.Steps), lines)
	}
	for _, want := range []string{
		"100001 buys 100 ALFA/600100 @ 10.00 -> 200 shares, 2,000.00",
		"100001 sells 100 ALFA/600100 @ 10.00 -> none left",
		"100008: execution 100008-4 is busted (keyed in by mistake) -> 100 shares, 1,000.00",
	} {
		if !slices.Contains(events, want) {
			t.Errorf("no event %q in\n%s", want, strings.Join(events, "\n"))
		}
	}
	for _, promised := range []string{
		"none to some", "some to none", "more rows", "fewer rows", "same rows, more shares", "same rows, fewer shares", "bust",
	} {
		if !slices.ContainsFunc(first.Steps, func(s scenario.Step) bool { return s.Case == promised }) {
			t.Errorf("no case %q", promised)
		}
	}
	second, err := scenario.Run(t.Context(), scenario.Options{Addr: addr})
	must(t, err)
	complain(t, second)
	if !slices.Equal(names(first), names(second)) {
		t.Errorf("other steps the second time:\n%v\n%v", names(first), names(second))
	}
}

func TestMovingPrices(t *testing.T) {
	addr := startServer(t, simulation.Config{PriceMoves: 200, Orders: 50, Random: 1})
	r, err := scenario.Run(t.Context(), scenario.Options{Addr: addr, Repricing: 20 * time.Second})
	must(t, err)
	complain(t, r)
	if !slices.Contains(names(r), "same rows, more shares: expects repriced") {
		t.Error("no repriced step")
	}
}

// changed decodes the body of a push, or of a reply with this result, calls change on it and
// encodes it again.
func changed[T any, B interface {
	*T
	UnmarshalVT([]byte) error
	MarshalVT() ([]byte, error)
}](m codec.Message, result codec.Result, change func(B)) []codec.Message {
	skip := 0
	if m.Command.IsReply() {
		if m.Body[0] != byte(result) {
			return []codec.Message{m}
		}
		skip = 1
	}
	body := B(new(T))
	if err := body.UnmarshalVT(m.Body[skip:]); err != nil {
		panic(err)
	}
	change(body)
	b, err := body.MarshalVT()
	if err != nil {
		panic(err)
	}
	m.Body = append(m.Body[:skip:skip], b...)
	return []codec.Message{m}
}

// A fault of the server is found in the right step.
func TestFaultsAreFound(t *testing.T) {
	cases := []struct {
		name   string
		change tamper // of the messages with this command only
		on     codec.Command
		in     string // case and step that must fail
	}{
		{"bust not pushed", func(codec.Message) []codec.Message { return nil }, codec.PushExecutionBusted, "bust: bust mistake \"keyed in by mistake\""},
		{"bust of another execution", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(b *pb.ExecutionBusted) { b.ExecutionId++ })
		}, codec.PushExecutionBusted, "bust: bust mistake \"keyed in by mistake\""},
		{"execution not pushed", func(codec.Message) []codec.Message { return nil }, codec.PushExecution, "none to some: starts with nothing"},
		{"execution pushed twice", func(m codec.Message) []codec.Message { return []codec.Message{m, m} }, codec.PushExecution,
			"none to some: pushes have consecutive numbers"},
		{"value pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Position.MarketValue++ })
		}, codec.PushPositionUpdate, "worked example: buy 100 ALFA/600100"},
		{"change pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Change = pb.Change_CHANGE_INCREASED })
		}, codec.PushPositionUpdate, "more rows: buy 100 ALFA/600101"},
		{"row count pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.RowCount++ })
		}, codec.PushPositionUpdate, "fewer rows: sell 100 ALFA/600101"},
		{"closed row stays", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Position.Quantity = max(u.Position.Quantity, 1) })
		}, codec.PushPositionUpdate, "some to none: sell 200 ALFA/600101"},
		{"quantity pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Position.Quantity++ })
		}, codec.PushPositionUpdate, "same rows, more shares: buy 100 ALFA/600100"},
		{"cost pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Position.AverageCost++ })
		}, codec.PushPositionUpdate, "same rows, fewer shares: sell 100 ALFA/600100"},
		{"total of a pull is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PositionsReply) { r.MarketValue++ })
		}, codec.CommandPositions.Reply(), "worked example: starts with nothing"},
		{"row missing in a pull", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PositionsReply) { r.Positions = nil })
		}, codec.CommandPositions.Reply(), "two sessions: starts with ALFA/600100 100"},
		{"bust not in history", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.HistoryReply) {
				for _, x := range r.Executions {
					x.Busted = false
				}
			})
		}, codec.CommandHistory.Reply(), "bust: history"},
		{"history oldest first", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.HistoryReply) { slices.Reverse(r.Executions) })
		}, codec.CommandHistory.Reply(), "refusals and history: history in pages of 2"},
		{"duplicate with another answer", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultDuplicate, func(r *pb.PlaceOrderReply) { r.OrderId++ })
		}, codec.CommandPlaceOrder.Reply(), "refusals and history: repeat twice"},
		{"refused for another reason", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultRejected, func(e *pb.Error) { e.Reason = pb.Reason_REASON_BAD_LOT })
		}, codec.CommandPlaceOrder.Reply(), "refusals and history: sell 200 ALFA/600100"},
		{"order not pushed", func(codec.Message) []codec.Message { return nil }, codec.PushOrderUpdate, "bust: bust mistake \"keyed in by mistake\""},
		{"order pushed with another state", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) { u.Order.Status = pb.OrderStatus_ORDER_STATUS_NEW })
		}, codec.PushOrderUpdate, "bust: bust mistake \"keyed in by mistake\""},
		{"frozen cash pushed is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) { u.FrozenCash++ })
		}, codec.PushOrderUpdate, "bust: bust mistake \"keyed in by mistake\""},
		{"cash in a pull is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PositionsReply) { r.Account.Cash++ })
		}, codec.CommandPositions.Reply(), "some to none: starts with ALFA/600100 100, ALFA/600101 200"},
		{"order in a pull that does not work", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.OrdersReply) { r.Orders = append(r.Orders, &pb.Order{OrderId: 1}) })
		}, codec.CommandOrders.Reply(), "none to some: buy 200 ALFA/600101"},
		{"execution in the reply is wrong", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PlaceOrderReply) { r.Executions[0].Fee++ })
		}, codec.CommandPlaceOrder.Reply(), "two sessions: buy 100 ALFA/600100 as a1"},
		{"other reason in the history", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.HistoryReply) {
				for _, x := range r.Executions {
					x.BustReason = ""
				}
			})
		}, codec.CommandHistory.Reply(), "bust: history"},
		{"bust not blocked by the sell", func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultRejected, func(e *pb.Error) { e.BlockingExecutionIds = nil })
		}, codec.CommandBust.Reply(), "bust: bust bought \"too late\""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // some wait for a push that never comes
			proxy := startProxy(t, startServer(t, simulation.Config{}), func(m codec.Message) []codec.Message {
				if m.Command == tc.on {
					return tc.change(m)
				}
				return []codec.Message{m}
			})
			r, err := scenario.Run(t.Context(), scenario.Options{Addr: proxy, Timeout: 5 * time.Second})
			must(t, err)
			found := slices.ContainsFunc(r.Steps, func(s scenario.Step) bool { return !s.OK && s.Case+": "+s.Step == tc.in })
			if !found || !r.Failed() {
				t.Errorf("step %q did not fail; these did:", tc.in)
				complain(t, r)
			}
		})
	}
}

// A server that is too busy for a login is tried again.
func TestBusyServer(t *testing.T) {
	var logins atomic.Int32
	proxy := startProxy(t, startServer(t, simulation.Config{}), func(m codec.Message) []codec.Message {
		if m.Command == codec.CommandLogin.Reply() && logins.Add(1) <= 12 {
			m.Body = []byte{byte(codec.ResultOverloaded)}
		}
		return []codec.Message{m}
	})
	r, err := scenario.Run(t.Context(), scenario.Options{Addr: proxy})
	must(t, err)
	complain(t, r)
	if logins.Load() <= 12 {
		t.Errorf("%d logins", logins.Load())
	}
}

func TestNoServer(t *testing.T) {
	r, err := scenario.Run(t.Context(), scenario.Options{Addr: "127.0.0.1:1"})
	must(t, err)
	if ok, _ := r.Count(); ok != 0 || !r.Failed() || len(r.Steps) < 70 {
		t.Errorf("%d steps, %d went well", len(r.Steps), ok)
	}
	if !strings.Contains(r.Steps[0].Got, "connection refused") || r.Steps[1].Got != "skipped" {
		t.Errorf("first steps: %v, %v", r.Steps[0], r.Steps[1])
	}
}

// late is a context after its deadline that does not say so yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Unix(1, 0), true }

// TestLoopEndsAtTheDeadline: a round that fails at the deadline of the context is not
// reported, even if the context itself has not ended yet.
func TestLoopEndsAtTheDeadline(t *testing.T) {
	err := scenario.Loop(late{t.Context()}, scenario.Options{Addr: "127.0.0.1:1"}, 0, func(*scenario.Report) error {
		return errors.New("reported")
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLoop(t *testing.T) {
	addr := startServer(t, simulation.Config{})
	t.Run("until it is told", func(t *testing.T) {
		enough, rounds := errors.New("enough"), 0
		err := scenario.Loop(t.Context(), scenario.Options{Addr: addr}, time.Nanosecond, func(r *scenario.Report) error {
			complain(t, r)
			if rounds++; rounds == 2 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || rounds != 2 {
			t.Errorf("%d rounds, %v", rounds, err)
		}
	})
	t.Run("until the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := scenario.Loop(ctx, scenario.Options{Addr: addr, OnEvent: func(string) { cancel() }}, time.Hour, func(*scenario.Report) error {
			t.Error("a round was reported that was cut short")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// An order whose execution a directive busts before its reply is there is as expected: a slow
// client gets both together.
func TestBustBeforeTheReply(t *testing.T) {
	o := own(t)
	start := o.Start
	o.Start = func(ctx context.Context, s *scenario.Server) (scenario.Running, error) {
		running, err := start(ctx, s)
		if err == nil {
			running.Addr = startProxy(t, running.Addr, lateReplies())
		}
		return running, err
	}
	s := parse(t, "scenario \"x\"\nserver\nclients alice\naccount alice directives\n"+
		"alice: buy 100 600100 with bust=1ms as a1\n  FILLED opened\n  expects bust of a1\n  execution a1 BUSTED\n")
	r, err := scenario.Play(t.Context(), []*scenario.Scenario{s}, o)
	must(t, err)
	complain(t, r)
}

// lateReplies returns a tamper that passes the reply to an order on after the update of the
// order, which comes last of the pushes of a bust.
func lateReplies() tamper {
	var reply []codec.Message
	return func(m codec.Message) []codec.Message {
		switch m.Command {
		case codec.CommandPlaceOrder.Reply():
			reply = []codec.Message{m}
			return nil
		case codec.PushOrderUpdate:
			return append([]codec.Message{m}, reply...)
		}
		return []codec.Message{m}
	}
}
