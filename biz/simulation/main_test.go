package simulation

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks for goroutines that a simulation or a desk has leaked.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
