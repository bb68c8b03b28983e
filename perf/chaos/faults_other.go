//go:build !linux

package chaos

// Faults returns none: all faults need Linux.
func Faults() []Fault { return nil }
