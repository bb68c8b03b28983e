package doctor_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain leaves out what packages start when they are loaded (the ants default pool).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
