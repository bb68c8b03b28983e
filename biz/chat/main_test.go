package chat_test

import (
	"testing"

	"go.uber.org/goleak"

	"holdfast/engine/carriertest"
)

// TestMain checks for leaked goroutines, except those that packages start when they are
// loaded (the ants default pool).
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(carriertest.Main{M: m}, goleak.IgnoreCurrent())
}
