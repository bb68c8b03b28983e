package engine

import "errors"

var (
	// ErrStoppedUnexpectedly means that the event loops stopped although nobody asked
	// them to; the process can't serve any more.
	ErrStoppedUnexpectedly = errors.New("engine: event loops stopped unexpectedly")
	// ErrDrainTimeout means that work was left when the time for a stop was over.
	ErrDrainTimeout = errors.New("engine: not drained in time")
	// ErrFewDescriptors means that the open-file limit allows no clients.
	ErrFewDescriptors = errors.New("engine: the open-file limit is too low")
	// ErrStarting means that clients can't connect yet.
	ErrStarting = errors.New("the server is starting")
	// ErrStopping means that the carrier drains or has ended.
	ErrStopping = errors.New("the server is stopping")

	errNoBytes = errors.New("engine: the dialect took no bytes")
)
