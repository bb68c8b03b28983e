package console_test

import (
	"testing"

	"go.uber.org/goleak"

	"holdfast/engine/carriertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(carriertest.Main{M: m}, goleak.IgnoreCurrent())
}
