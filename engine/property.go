package engine

// Property is a typed value that each session can carry.
//
// Goroutine: the engine does not lock properties. A value that only handlers use needs no
// lock, because the handlers of one session do not overlap (except off the lane).
type Property[T any] struct {
	index int
}

// NewProperty adds a property to the sessions of c. Call it before c serves.
func NewProperty[T any](c *Core) Property[T] {
	c.propertyCount++
	return Property[T]{index: c.propertyCount - 1}
}

// Get returns the session's value, or the zero value.
func (p Property[T]) Get(s *Session) T {
	if p.index < len(s.properties) {
		if v, ok := s.properties[p.index].(T); ok {
			return v
		}
	}
	var zero T
	return zero
}

// Set sets the session's value.
func (p Property[T]) Set(s *Session, v T) {
	if s.properties == nil {
		s.properties = make([]any, s.core.propertyCount)
	}
	s.properties[p.index] = v
}
