package load_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

// restingTo returns options for limit orders and their cancels.
func restingTo(o load.Options) load.Options {
	o = ordersTo(o)
	o.Workload, o.RestPrices = load.Resting, []int64{9_500, 100}
	return o
}

// board is a server of orders that rest: one at a time on each connection.
func board(t *testing.T) behaviour {
	resting := make(map[*peer]string)
	return func(p *peer, m codec.Message) {
		switch m.Command {
		case codec.CommandPlaceOrder:
			var o pb.PlaceOrderRequest
			if o.UnmarshalVT(m.Body) != nil || o.Side != pb.Side_SIDE_BUY || o.Quantity != 1 ||
				o.Price != map[string]int64{"600000": 9_500, "1": 100}[o.Code] || resting[p] != "" {
				t.Errorf("order %v while %q rests", &o, resting[p])
			}
			resting[p] = strings.Clone(o.ClientOrderId)
			p.reply(m, codec.ResultOK, &pb.PlaceOrderReply{OrderId: 1, Status: pb.OrderStatus_ORDER_STATUS_NEW, Leaves: 1})
		case codec.CommandCancelOrder:
			var c pb.CancelOrderRequest
			if c.UnmarshalVT(m.Body) != nil || c.ClientOrderId == "" || c.ClientOrderId != resting[p] {
				t.Errorf("cancel of %q while %q rests", c.ClientOrderId, resting[p])
			}
			resting[p] = ""
			p.reply(m, codec.ResultOK, &pb.CancelOrderReply{Count: 1})
		default:
			answer(p, m)
		}
	}
}

func TestResting(t *testing.T) {
	for name, change := range map[string]func(o *load.Options){
		"closed loop": func(*load.Options) {},
		"pipelined":   func(o *load.Options) { o.Depth = 5 },
		"open loop":   func(o *load.Options) { o.Rate = 2000 },
	} {
		t.Run(name, func(t *testing.T) {
			o := restingTo(short(fakeServer(t, board(t))))
			o.Connections = 1
			change(&o)
			r, err := load.Run(t.Context(), o)
			if err != nil || r.ErrorCount() != 0 || r.Requests == 0 || len(r.Results) != 0 {
				t.Fatalf("error %v, report %+v", err, r)
			}
		})
	}
}

// A reply to the other command is an error.
func TestRestingWrongReply(t *testing.T) {
	o := restingTo(long(fakeServer(t, func(p *peer, m codec.Message) {
		if m.Command == codec.CommandCancelOrder {
			m.Command = codec.CommandPlaceOrder
		}
		answer(p, m)
	})))
	o.Connections = 1
	if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrWrongCommand) {
		t.Error(err)
	}
}
