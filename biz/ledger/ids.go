package ledger

import (
	"fmt"
	"strconv"
	"strings"
)

// Customer is a customer number; one customer has one account.
type Customer uint32

// InstrumentID is the place of an instrument in the seed's list, from 0. It is
// stable because a journal belongs to one seed.
type InstrumentID uint32

// OrderID is customer<<32 | n, with n = 1, 2, 3... per account.
type OrderID uint64

// ExecutionID is customer<<32 | n, with n = 1, 2, 3... per account. An order
// that fills at once has the same n as its execution.
type ExecutionID uint64

// maxExecutions is how many execution numbers an account has.
const maxExecutions = 1<<32 - 1

// NewOrderID returns the id of a customer's nth order.
func NewOrderID(c Customer, n uint32) OrderID { return OrderID(uint64(c)<<32 | uint64(n)) }

// NewExecutionID returns the id of a customer's nth execution.
func NewExecutionID(c Customer, n uint32) ExecutionID {
	return ExecutionID(uint64(c)<<32 | uint64(n))
}

// Customer returns whose order it is.
func (id OrderID) Customer() Customer { return Customer(id >> 32) }

// Number returns n.
func (id OrderID) Number() uint32 { return uint32(id) }

// String returns the form shown to people, as in "100001-17".
func (id OrderID) String() string { return formatID(uint64(id)) }

// Customer returns whose execution it is.
func (id ExecutionID) Customer() Customer { return Customer(id >> 32) }

// Number returns n.
func (id ExecutionID) Number() uint32 { return uint32(id) }

// String returns the form shown to people, as in "100001-17".
func (id ExecutionID) String() string { return formatID(uint64(id)) }

// ParseOrderID reads what OrderID.String wrote; anything else is ErrMalformed.
func ParseOrderID(s string) (OrderID, error) {
	id, err := parseID(s)
	return OrderID(id), err
}

// ParseExecutionID reads what ExecutionID.String wrote; anything else is
// ErrMalformed.
func ParseExecutionID(s string) (ExecutionID, error) {
	id, err := parseID(s)
	return ExecutionID(id), err
}

func formatID(id uint64) string {
	b := strconv.AppendUint(make([]byte, 0, 21), id>>32, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, id&maxExecutions, 10))
}

func parseID(s string) (uint64, error) {
	customer, number, found := strings.Cut(s, "-")
	c, errC := strconv.ParseUint(customer, 10, 32)
	n, errN := strconv.ParseUint(number, 10, 32)
	id := c<<32 | n
	if !found || errC != nil || errN != nil || c == 0 || n == 0 || formatID(id) != s {
		return 0, fmt.Errorf("%w: %q is no id; one looks like 100001-17", ErrMalformed, s)
	}
	return id, nil
}
