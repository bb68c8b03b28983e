package gateway_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that a server left behind; those that packages
// start when they are loaded (the ants default pool) are not counted.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
