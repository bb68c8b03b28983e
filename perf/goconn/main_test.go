package goconn_test

import (
	"testing"

	"go.uber.org/goleak"
)

// IgnoreCurrent: ants starts a pool when it is imported, which we can't stop.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
