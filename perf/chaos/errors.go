package chaos

import "errors"

var (
	// ErrNeeds means that the machine lacks what the fault needs: a program, the
	// rights of root. The text names it.
	ErrNeeds = errors.New("chaos: needs")
	// ErrNotStarted means that a server ended, or said nothing, before it served.
	ErrNotStarted = errors.New("chaos: the server did not start")
	// ErrStillRunning means that a server did not end in time.
	ErrStillRunning = errors.New("chaos: the server did not end")
	// ErrTooLittle means that too little happened for the run to show anything.
	ErrTooLittle = errors.New("chaos: too little happened for the run to show anything")
	// ErrNoMetric means that the server does not count this.
	ErrNoMetric = errors.New("chaos: no such metric")
)
