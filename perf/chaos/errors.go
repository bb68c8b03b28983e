package chaos

import "errors"

var (
	// ErrNeeds means that the machine lacks something: a program, or root privileges. The
	// text names it.
	ErrNeeds = errors.New("chaos: needs")
	// ErrNotStarted means that a server ended before it served, or did not print its
	// addresses.
	ErrNotStarted = errors.New("chaos: the server did not start")
	// ErrTooLittle means that too little happened for the run to show anything.
	ErrTooLittle = errors.New("chaos: too little happened for the run to show anything")
	// ErrNoMetric means that the server has no such metric.
	ErrNoMetric = errors.New("chaos: no such metric")
)
