package load

import (
	"fmt"

	"holdfast/codec/pb"
)

// decodeEvery is the number of position lists of a connection of which one is
// decoded: decoding costs more than all the rest of a request.
const decodeEvery = 256

// positions checks the first list of a connection, and then one of decodeEvery:
// whose it is, and that it has the rows that the customer had at the login.
func (l *protocol) positions(c *conn, id uint64, body []byte) error {
	if numberOf(id)%decodeEvery != 1 {
		return nil
	}
	var reply pb.PositionsReply
	customer := l.accountOf(c).Customer
	if err := reply.UnmarshalVT(body); err != nil {
		return fmt.Errorf("%w: customer %d: positions can't be read: %w", ErrWrongBody, customer, err)
	}
	if reply.GetAccount().GetCustomer() != customer || len(reply.Positions) != c.rows {
		return fmt.Errorf("%w: customer %d with %d positions got %d positions of customer %d",
			ErrWrongBody, customer, c.rows, len(reply.Positions), reply.GetAccount().GetCustomer())
	}
	return nil
}
