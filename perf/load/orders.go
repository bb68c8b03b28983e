package load

import (
	"encoding/binary"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// A client order id is fixed in width so that it can be patched in place: nonce (8 hex
// digits), connection (6) and request number (8), separated by dashes.
const (
	clientOrderIDLen = 24
	// The body starts with the client order id: one byte for the tag, one for the length.
	clientOrderIDOffset = codec.PacketHeaderLen + 2
)

// orderRequests builds orders: a connection's odd requests buy one share, the even ones
// sell it, then the next instrument follows. Request 0 was the login.
type orderRequests struct {
	buys, sells [][]byte
	nonce       uint32
	out         []byte
}

func newOrderRequests(o Options, nonce uint32) *orderRequests {
	r := &orderRequests{nonce: nonce}
	longest := 0
	for _, instrument := range o.Instruments {
		buy := orderFrame(pb.Side_SIDE_BUY, instrument)
		r.buys = append(r.buys, buy)
		r.sells = append(r.sells, orderFrame(pb.Side_SIDE_SELL, instrument))
		longest = max(longest, len(buy))
	}
	r.out = make([]byte, 0, o.Depth*longest)
	return r
}

// orderFrame returns a market order for one share whose ids are still zero.
func orderFrame(side pb.Side, instrument [2]string) []byte {
	return codec.AppendRequest(nil, codec.CommandPlaceOrder, 0, &pb.PlaceOrderRequest{
		ClientOrderId: string(make([]byte, clientOrderIDLen)),
		Side:          side, Market: instrument[0], Code: instrument[1], Quantity: 1,
	})
}

func (r *orderRequests) frames(first uint64, n int) []byte {
	r.out = r.out[:0]
	for id := first; id < first+uint64(n); id++ {
		start := len(r.out)
		r.out = append(r.out, r.template(id)...)
		frame := r.out[start:]
		binary.BigEndian.PutUint64(frame[idOffset:], id)
		putClientOrderID(frame[clientOrderIDOffset:], r.nonce, id)
	}
	return r.out
}

func (r *orderRequests) template(id uint64) []byte {
	number := numberOf(id)
	sides := r.buys
	if number%2 == 0 {
		sides = r.sells
	}
	return sides[(connectionOf(id)+(number-1)/2)%uint32(len(sides))]
}

// putClientOrderID writes the clientOrderIDLen bytes of a request's client order id.
func putClientOrderID(dst []byte, nonce uint32, id uint64) {
	_ = dst[clientOrderIDLen-1]
	putHex(dst[0:8], nonce)
	dst[8] = '-'
	putHex(dst[9:15], connectionOf(id))
	dst[15] = '-'
	putHex(dst[16:24], numberOf(id))
}

// putHex writes the low digits of v over all of dst.
func putHex(dst []byte, v uint32) {
	const digits = "0123456789abcdef"
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = digits[v&15]
		v >>= 4
	}
}
