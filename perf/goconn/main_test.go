package goconn_test

import (
	"testing"

	"go.uber.org/goleak"
)

// ants keeps a pool of its own from its start on, which is not ours to stop.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }
