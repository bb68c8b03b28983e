package engine

import "errors"

var (
	// ErrStoppedUnasked means that the event loops ended although nobody asked
	// them to; the process can't serve any more.
	ErrStoppedUnasked = errors.New("engine: event loops ended unasked")
	// ErrRegistered means that a command was given two handlers.
	ErrRegistered = errors.New("engine: command has a handler already")
	// ErrDrainTimeout means that work was left when the time to stop was over.
	ErrDrainTimeout = errors.New("engine: not drained in time")
	// ErrFewDescriptors means that the open-file limit leaves no room for clients.
	ErrFewDescriptors = errors.New("engine: the open-file limit is too low")
)
