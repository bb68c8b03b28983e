//go:build linux

package ledger_test

import (
	"runtime"
	"syscall"
	"testing"
)

// reportCPU reports the processor time per operation, which does not depend on other
// programs, unlike the elapsed time. Call the result at the end.
func reportCPU(b *testing.B) func() {
	b.Helper()
	runtime.LockOSThread()
	before := threadTime(b)
	return func() {
		b.ReportMetric(float64(threadTime(b)-before)/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

func threadTime(b *testing.B) int64 {
	b.Helper()
	const ofThread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(ofThread, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
