package client

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Customer is a customer number.
type Customer uint32

// ExecutionID names an execution: the customer in the upper 32 bits, the number of the
// execution in that account in the lower 32 bits.
type ExecutionID uint64

// OrderID names an order. It is built like an ExecutionID, with the number of the order in
// the account.
type OrderID uint64

// NewExecutionID returns the id of a customer's nth execution.
func NewExecutionID(c Customer, n uint32) ExecutionID {
	return ExecutionID(uint64(c)<<32 | uint64(n))
}

// Customer returns whose execution it is.
func (id ExecutionID) Customer() Customer { return Customer(id >> 32) }

// Number returns which execution of the account it is, from 1.
func (id ExecutionID) Number() uint32 { return uint32(id) }

// String returns the id in the form for people: "100001-17".
func (id ExecutionID) String() string {
	return fmt.Sprintf("%d-%d", id.Customer(), id.Number())
}

// NewOrderID returns the id of a customer's nth order.
func NewOrderID(c Customer, n uint32) OrderID { return OrderID(NewExecutionID(c, n)) }

// Customer returns whose order it is.
func (id OrderID) Customer() Customer { return ExecutionID(id).Customer() }

// Number returns which order of the account it is, from 1.
func (id OrderID) Number() uint32 { return ExecutionID(id).Number() }

// String returns the id in the form for people: "100001-17".
func (id OrderID) String() string { return ExecutionID(id).String() }

// ParseExecutionID parses the form that String returns. The error wraps ErrBadID.
func ParseExecutionID(text string) (ExecutionID, error) { return parseID(text, "an execution id") }

// ParseOrderID parses the form that String returns. The error wraps ErrBadID.
func ParseOrderID(text string) (OrderID, error) {
	id, err := parseID(text, "an order id")
	return OrderID(id), err
}

func parseID(text, what string) (ExecutionID, error) {
	customer, number, _ := strings.Cut(text, "-")
	c, errCustomer := strconv.ParseUint(customer, 10, 32)
	n, errNumber := strconv.ParseUint(number, 10, 32)
	if errCustomer != nil || errNumber != nil || c == 0 || n == 0 {
		return 0, fmt.Errorf("%w %q: %s looks like 100001-17", ErrBadID, text, what)
	}
	return NewExecutionID(Customer(c), uint32(n)), nil
}

// RequestID is the number of a request on its connection: 8 bytes, which the server
// copies into the reply.
type RequestID uint64

// DecimalRequestID returns n modulo 100,000,000 as 8 decimal digits in ASCII, the form
// of the classic client.
func DecimalRequestID(n uint64) RequestID {
	text := fmt.Sprintf("%08d", n%100_000_000)
	return RequestID(binary.BigEndian.Uint64([]byte(text)))
}

// String returns the 8 digits of a decimal id, and any other id in decimal.
func (id RequestID) String() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	for _, c := range b {
		if c < '0' || c > '9' {
			return strconv.FormatUint(uint64(id), 10)
		}
	}
	return string(b[:])
}

// firstRequestID is where automatic ids start: above all decimal ids, so that they never
// collide on a connection.
const firstRequestID RequestID = math.MaxInt64 + 1

// NewClientOrderID returns a random client order id of 26 characters.
func NewClientOrderID() string { return rand.Text() }
