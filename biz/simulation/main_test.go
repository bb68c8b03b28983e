package simulation

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that a simulation or a desk left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
