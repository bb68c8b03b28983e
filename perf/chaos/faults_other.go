//go:build !linux

package chaos

// Faults lists none: what is done to servers needs Linux.
func Faults() []Fault { return nil }
