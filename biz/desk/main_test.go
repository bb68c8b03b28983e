package desk_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that a desk left behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
