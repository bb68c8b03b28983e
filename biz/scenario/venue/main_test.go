package venue_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks for goroutines that a server has leaked.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
