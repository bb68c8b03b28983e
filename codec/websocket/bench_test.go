package websocket_test

import (
	"bytes"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

const placeOrder = `{"command":"PlaceOrder","id":7,"body":{"clientOrderId":"9f1c2a70-1","side":"SIDE_BUY","market":"ALFA","code":"600100","quantity":"100","price":"1000000","historyId":"AAECAwQFBgcICQoLDA0ODw=="}}`

func BenchmarkJSONNext(b *testing.B) {
	frame := inbound([]byte(placeOrder))
	var m codec.Message
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (websocket.JSON{}).Next(frame, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSONAppendReply(b *testing.B) {
	body := &pb.PlaceOrderReply{
		OrderId: 17, Status: pb.OrderStatus_ORDER_STATUS_FILLED,
		Executions: []*pb.Execution{{ExecutionId: 4711, OrderId: 17, Customer: 1001, ClientOrderId: "9f1c2a70-1", Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 100, Price: 1_000_000, Time: 1_790_000_000_000_000_000}},
		Position:   &pb.Position{Market: "ALFA", Code: "600100", Quantity: 100, AverageCost: 1_000_000, LastPrice: 1_000_000, MarketValue: 100_000_000},
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = websocket.JSON{}.AppendReply(dst[:0], codec.CommandPlaceOrder, 7, codec.ResultOK, body)
	}
}

func BenchmarkReaderSmallMessage(b *testing.B) {
	for name, op := range map[string]websocket.Opcode{"binary": websocket.OpBinary, "text": websocket.OpText} {
		b.Run(name, func(b *testing.B) {
			// The frame is read again and again: every second time with the letters that
			// the mask makes of it.
			frame := websocket.AppendMasked(nil, op, 0x01010101, bytes.Repeat([]byte("letters."), 8))
			var r websocket.Reader
			b.ReportAllocs()
			for b.Loop() {
				if _, got, _, err := r.Next(frame, 1<<20); got != op || err != nil {
					b.Fatal(got, err)
				}
			}
		})
	}
}
