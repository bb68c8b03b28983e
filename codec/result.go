package codec

import "strconv"

// Result is the first byte of a reply's body. Conn and Submit use only
// ResultOK and ResultFailed; every other non-zero result is followed by an
// Error body.
type Result uint8

// Results.
const (
	ResultOK              Result = 0
	ResultFailed          Result = 1
	ResultMalformed       Result = 2
	ResultUnknownCommand  Result = 3
	ResultUnauthenticated Result = 4
	ResultForbidden       Result = 5
	ResultRejected        Result = 6
	ResultOverloaded      Result = 7
	ResultUnavailable     Result = 8
	ResultTooLarge        Result = 9
	ResultDuplicate       Result = 10
)

// String returns the protocol's name of r, or its number.
func (r Result) String() string {
	names := [...]string{
		"OK", "FAILED", "MALFORMED", "UNKNOWN_COMMAND", "UNAUTHENTICATED", "FORBIDDEN",
		"REJECTED", "OVERLOADED", "UNAVAILABLE", "TOO_LARGE", "DUPLICATE",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return strconv.Itoa(int(r))
}
