package ledger

import "strconv"

// Customer is a customer number; one customer has one account.
type Customer uint32

// InstrumentID is the index of an instrument in the seed's list. It is stable, because a
// journal belongs to one seed.
type InstrumentID uint32

// OrderID is customer<<32 | n, where n = 1, 2, 3... per account.
type OrderID uint64

// ExecutionID is customer<<32 | n, where n = 1, 2, 3... per account.
type ExecutionID uint64

// maxExecutions is how many execution numbers an account has.
const maxExecutions = 1<<32 - 1

// NewOrderID returns the id of a customer's nth order.
func NewOrderID(c Customer, n uint32) OrderID { return OrderID(uint64(c)<<32 | uint64(n)) }

// NewExecutionID returns the id of a customer's nth execution.
func NewExecutionID(c Customer, n uint32) ExecutionID {
	return ExecutionID(uint64(c)<<32 | uint64(n))
}

// Customer returns the customer of the order.
func (id OrderID) Customer() Customer { return Customer(id >> 32) }

// Number returns n.
func (id OrderID) Number() uint32 { return uint32(id) }

// String returns the form for people, such as "100001-17".
func (id OrderID) String() string { return formatID(uint64(id)) }

// Customer returns the customer of the execution.
func (id ExecutionID) Customer() Customer { return Customer(id >> 32) }

// Number returns n.
func (id ExecutionID) Number() uint32 { return uint32(id) }

// String returns the form for people, such as "100001-17".
func (id ExecutionID) String() string { return formatID(uint64(id)) }

func formatID(id uint64) string {
	b := strconv.AppendUint(make([]byte, 0, 21), id>>32, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, id&maxExecutions, 10))
}
