package gateway_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks for leaked goroutines of a server, except those that packages start when
// they are loaded (the ants default pool).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
