package load

import (
	"fmt"

	"holdfast/codec/pb"
)

// decodeEvery: one in this many position lists of a connection is decoded, because
// decoding costs more than the rest of a request.
const decodeEvery = 256

// positions checks the first list of a connection, and then one in decodeEvery: it must
// belong to the customer and have as many rows as at login.
func (l *protocol) positions(c *conn, id uint64, body []byte) error {
	customer := l.accountOf(c).Customer
	if len(body) == 0 {
		return fmt.Errorf("%w: customer %d: positions without a body", ErrWrongBody, customer)
	}
	if numberOf(id)%decodeEvery != 1 {
		return nil
	}
	var reply pb.PositionsReply
	if err := c.wire.decode(body, &reply); err != nil {
		return fmt.Errorf("%w: customer %d: malformed positions: %w", ErrWrongBody, customer, err)
	}
	if reply.GetAccount().GetCustomer() != customer || len(reply.Positions) != c.rows {
		return fmt.Errorf("%w: customer %d with %d positions got %d positions of customer %d",
			ErrWrongBody, customer, c.rows, len(reply.Positions), reply.GetAccount().GetCustomer())
	}
	return nil
}
