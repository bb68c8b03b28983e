package scenario_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// afterRefusal returns a tamper that makes a push of each refusal of an order.
func afterRefusal() tamper {
	pushed := false
	return func(m codec.Message) []codec.Message {
		switch {
		case m.Command == codec.CommandPlaceOrder.Reply():
			pushed = true
			body, err := (&pb.OrderUpdate{Order: &pb.Order{}, Cash: 1_000_000 * 10_000}).MarshalVT()
			if err != nil {
				panic(err)
			}
			return []codec.Message{{Command: codec.PushOrderUpdate, ID: 1, Body: body}, m}
		case pushed && m.Command == codec.CommandOrders.Reply():
			return changed(m, codec.ResultOK, func(r *pb.OrdersReply) { r.PushSequence = 1 })
		case pushed && m.Command == codec.CommandPositions.Reply():
			return changed(m, codec.ResultOK, func(r *pb.PositionsReply) { r.PushSequence = 1 })
		}
		return []codec.Message{m}
	}
}

// updateOfFilled is a push without a number that says that alice's first order is filled.
func updateOfFilled() codec.Message {
	o := &pb.Order{OrderId: uint64(client.NewExecutionID(100_001, 1)), Status: pb.OrderStatus_ORDER_STATUS_FILLED}
	body, err := (&pb.OrderUpdate{Order: o}).MarshalVT()
	if err != nil {
		panic(err)
	}
	return codec.Message{Command: codec.PushOrderUpdate, Body: body}
}

// TestFaultsWithoutExpectations: what contradicts itself is found where nothing is expected of it.
func TestFaultsWithoutExpectations(t *testing.T) {
	const buy = "alice: buy 100 600100 as a1\n"
	const rest = "alice: buy 100 600100 limit 9 as a1\n"
	cases := []struct {
		name, text string // the last step fails
		on         codec.Command
		change     tamper
		got        string
	}{
		{"change", buy, codec.PushPositionUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Change = pb.Change_CHANGE_CLOSED })
		}, `ALFA/600100 was opened, but "closed" was pushed`},
		{"rows", buy, codec.PushPositionUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.RowCount = 7 })
		}, "7 positions pushed, 1 according to their updates"},
		{"value", buy, codec.PushPositionUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Position.MarketValue++ })
		}, "pushed ALFA/600100: 100 x 10.00 is not 1,000.0001"},
		{"history", buy, codec.CommandHistory.Reply(), func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.HistoryReply) { r.Executions[0].Price++ })
		}, "execution 100001-1 is shown as buy 100 ALFA/600100 at 10.00, the history has buy 100 ALFA/600100 at 10.0001"},
		{"empty history", buy, codec.CommandHistory.Reply(), func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.HistoryReply) { r.Executions = nil })
		}, "execution 100001-1 is shown, but not in the history"},
		{"pushed execution", buy, codec.PushExecution, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(x *pb.Execution) { x.Fee++ })
		}, "the pushed execution is "},
		{"cash after an execution", buy, codec.PushPositionUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) { u.Cash-- })
		}, "pushed cash 998,999.9999 and frozen 0.00, a pull returns 999,000.00 and 0.00"},
		{"cash after two", buy + "alice: sell 30 600100\n", codec.PushPositionUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.PositionUpdate) {
				if u.Position.Quantity == 70 {
					u.Cash--
				}
			})
		}, "pushed cash 999,299.9999 and frozen 0.00, a pull returns 999,300.00 and 0.00"},
		{"order that never worked", buy, codec.PushExecution, func(m codec.Message) []codec.Message {
			return append(changed(m, codec.ResultOK, func(*pb.Execution) {}), updateOfFilled())
		}, "an update of order 100001-1 was pushed, which never worked"},
		{"execution in the reply", buy, codec.CommandPlaceOrder.Reply(), func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PlaceOrderReply) { r.Executions[0].ExecutionId++ })
		}, "execution 100001-2 was not pushed; execution 100001-2 is not shown"},
		{"order in the reply", rest, codec.CommandPlaceOrder.Reply(), func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PlaceOrderReply) { r.Leaves-- })
		}, "no update of order 100001-1 with NEW, filled 0 and leaves 99 was pushed"},
		{"pushed order", rest, codec.PushOrderUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) { u.Order.Price++ })
		}, "limit 9.0001 stop 0.00 NEW filled 0 leaves 100 triggered false; a pull returns order 100001-1 buy 100 ALFA/600100 limit limit 9.00"},
		{"cause", rest + "alice: order a1\n", codec.PushOrderUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) { u.Order.Cause = pb.OrderCause_ORDER_CAUSE_CASH })
		}, "last pushed: "},
		{"frozen shares", "alice: starts with 600100 100\nalice: sell 60 600100 limit 11\n", codec.PushOrderUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) {
				if u.Position != nil {
					u.Position.Frozen++
				}
			})
		}, "shown: ALFA/600100 cost 10.00, profit 0.00, frozen 61; a pull returns 10.00, 0.00, 60"},
		{"cash", rest, codec.PushOrderUpdate, func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(u *pb.OrderUpdate) { u.Cash++ })
		}, "pushed cash 1,000,000.0001 and frozen 900.00, a pull returns 1,000,000.00 and 900.00"},
		{"lost push", rest, codec.PushOrderUpdate, func(codec.Message) []codec.Message { return nil },
			"no such push came: the account had push 1, the last one that came is 0"},
		{"push after a refusal", "alice: sell 1 600100\n  REJECTED\n", 0, afterRefusal(), "nothing should change, but push 1 follows 0"},
		{"pull that is older", buy, codec.CommandPositions.Reply(), func(m codec.Message) []codec.Message {
			return changed(m, codec.ResultOK, func(r *pb.PositionsReply) { r.PushSequence = 0 })
		}, "push 2 is shown, but a pull includes push 0"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := own(t)
			o.Timeout = 5 * time.Second
			start := o.Start
			o.Start = func(ctx context.Context, s *scenario.Server) (scenario.Running, error) {
				running, err := start(ctx, s)
				if err == nil {
					running.Addr = startProxy(t, running.Addr, func(m codec.Message) []codec.Message {
						if tc.on == 0 || m.Command == tc.on {
							return tc.change(m)
						}
						return []codec.Message{m}
					})
				}
				return running, err
			}
			s := parse(t, "scenario \"x\"\nserver clock stepped\nclients alice\n"+tc.text)
			r, err := scenario.Play(t.Context(), []*scenario.Scenario{s}, o)
			must(t, err)
			if last := r.Steps[len(r.Steps)-2]; last.OK || !strings.Contains(last.Got, tc.got) {
				t.Errorf("got  %s\nwant %s", last.Got, tc.got)
			}
		})
	}
}
