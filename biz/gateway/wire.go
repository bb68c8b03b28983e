package gateway

import (
	"google.golang.org/protobuf/encoding/protowire"

	"holdfast/codec/pb"
)

// wire is the encoding of the bodies of a simple fill (ledger.Event.Simple), nearly all that
// a busy server sends. Its execution and its position are in the reply and in a push: each is
// encoded once. A dialect that needs the messages, such as JSON, gets them, too.
type wire struct {
	parts     []byte // the execution, then the position
	execution wiredExecution
	placed    wiredPlaced
	update    wiredUpdate
	bytes     []byte // of placed, then of update
}

// The bodies: a message, and its encoding.
type (
	wiredExecution struct {
		*pb.Execution
		bytes []byte
	}
	wiredPlaced struct {
		*pb.PlaceOrderReply
		bytes []byte
	}
	wiredUpdate struct {
		*pb.PositionUpdate
		bytes []byte
	}
)

// SizeVT implements codec.Body.
func (w *wiredExecution) SizeVT() int { return len(w.bytes) }

// MarshalToSizedBufferVT implements codec.Body.
func (w *wiredExecution) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, w.bytes), nil }

// SizeVT implements codec.Body.
func (w *wiredPlaced) SizeVT() int { return len(w.bytes) }

// MarshalToSizedBufferVT implements codec.Body.
func (w *wiredPlaced) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, w.bytes), nil }

// SizeVT implements codec.Body.
func (w *wiredUpdate) SizeVT() int { return len(w.bytes) }

// MarshalToSizedBufferVT implements codec.Body.
func (w *wiredUpdate) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, w.bytes), nil }

// encodeParts encodes the execution and the position.
func (b *bodies) encodeParts() {
	w := &b.wire
	w.parts = appendExecution(w.parts[:0], &b.execution)
	n := len(w.parts)
	w.parts = appendPosition(w.parts, &b.position)
	w.execution = wiredExecution{&b.execution, w.parts[:n:n]}
}

func appendExecution(dst []byte, x *pb.Execution) []byte {
	dst = appendField(dst, 1, x.ExecutionId)
	dst = appendField(dst, 2, x.OrderId)
	dst = appendField(dst, 3, uint64(x.Customer))
	dst = appendText(dst, 4, x.ClientOrderId)
	dst = appendField(dst, 5, uint64(x.Side))
	dst = appendText(dst, 6, x.Market)
	dst = appendText(dst, 7, x.Code)
	dst = appendField(dst, 8, uint64(x.Quantity))
	dst = appendField(dst, 9, uint64(x.Price))
	dst = appendField(dst, 10, uint64(x.Time))
	dst = appendField(dst, 11, protowire.EncodeBool(x.Busted))
	dst = appendText(dst, 12, x.BustReason)
	dst = appendField(dst, 13, uint64(x.Fee))
	dst = appendField(dst, 14, x.Corrects)
	return appendField(dst, 15, x.CorrectedBy)
}

func appendPosition(dst []byte, p *pb.Position) []byte {
	dst = appendText(dst, 1, p.Market)
	dst = appendText(dst, 2, p.Code)
	dst = appendField(dst, 3, uint64(p.Quantity))
	dst = appendField(dst, 4, uint64(p.AverageCost))
	dst = appendField(dst, 5, uint64(p.LastPrice))
	dst = appendField(dst, 6, uint64(p.MarketValue))
	dst = appendField(dst, 7, uint64(p.RealisedProfit))
	dst = appendField(dst, 8, uint64(p.UnrealisedProfit))
	dst = appendField(dst, 9, uint64(p.Sellable))
	return appendField(dst, 10, uint64(p.Frozen))
}

func (w *wire) position() []byte { return w.parts[len(w.execution.bytes):] }

// wirePlaced returns the reply that b.placed is.
func (b *bodies) wirePlaced() *wiredPlaced {
	w, p := &b.wire, &b.placed
	bytes := appendField(w.bytes[:0], 1, p.OrderId)
	bytes = appendField(bytes, 2, uint64(p.Status))
	bytes = appendMessage(bytes, 3, w.execution.bytes)
	bytes = appendMessage(bytes, 4, w.position())
	bytes = appendField(bytes, 5, uint64(p.Filled))
	bytes = appendField(bytes, 6, uint64(p.Leaves))
	bytes = appendField(bytes, 7, uint64(p.AveragePrice))
	bytes = appendField(bytes, 8, uint64(p.Cause))
	w.bytes, w.placed = bytes, wiredPlaced{p, bytes}
	return &w.placed
}

// wireUpdate returns the push that b.update is. It ends the use of the reply.
func (b *bodies) wireUpdate() *wiredUpdate {
	w, p := &b.wire, &b.update
	bytes := appendField(w.bytes[:0], 1, uint64(p.Change))
	bytes = appendMessage(bytes, 2, w.position())
	bytes = appendField(bytes, 3, uint64(p.RowCount))
	bytes = appendField(bytes, 4, uint64(p.MarketValue))
	bytes = appendField(bytes, 5, uint64(p.Cash))
	bytes = appendField(bytes, 6, uint64(p.FrozenCash))
	bytes = appendField(bytes, 7, uint64(p.UnsettledCash))
	w.bytes, w.update = bytes, wiredUpdate{p, bytes}
	return &w.update
}

// appendField appends a number, unless it is zero. The field is at most 15.
func appendField(dst []byte, field byte, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(append(dst, field<<3|byte(protowire.VarintType)), v)
}

// appendText appends a string, unless it is empty.
func appendText(dst []byte, field byte, s string) []byte {
	if s == "" {
		return dst
	}
	return protowire.AppendString(append(dst, field<<3|byte(protowire.BytesType)), s)
}

// appendMessage appends an encoded message.
func appendMessage(dst []byte, field byte, m []byte) []byte {
	return protowire.AppendBytes(append(dst, field<<3|byte(protowire.BytesType)), m)
}
