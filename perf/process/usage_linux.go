package process

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Usage is the CPU time and context switches of a process since its start. CPU is exact;
// User and System are in kernel clock ticks of 10 ms.
type Usage struct {
	CPU, User, System      time.Duration // of all threads, running and ended
	Voluntary, Involuntary uint64        // context switches of the threads running now
}

// tick is USER_HZ, 100 a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// ReadUsage reads the usage of a process.
func ReadUsage(pid int) (Usage, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return Usage{}, fmt.Errorf("process: %w", err)
	}
	stat, err := p.Stat()
	if err != nil {
		return Usage{}, fmt.Errorf("process: %w", err)
	}
	u := Usage{User: time.Duration(stat.UTime) * tick, System: time.Duration(stat.STime) * tick}
	u.CPU = u.User + u.System
	if exact, err := readClock(pid); err == nil {
		u.CPU = exact
	}
	threads, _ := procfs.AllThreads(pid) // it may have ended
	for _, thread := range threads {
		if status, err := thread.NewStatus(); err == nil {
			u.Voluntary += status.VoluntaryCtxtSwitches
			u.Involuntary += status.NonVoluntaryCtxtSwitches
		}
	}
	return u, nil
}

// readClock reads the CPU time of all threads of a process, running and ended, to the
// nanosecond, from the process's CPU-time clock (clock_getcpuclockid(3)).
func readClock(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid)<<3|cpuClockSched, &t)
	return time.Duration(t.Nano()), err
}

// ReadThreadUsage reads the CPU times of the calling thread.
func ReadThreadUsage() (u Usage) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &r) == nil {
		u.User, u.System = time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
		u.CPU = u.User + u.System
	}
	return u
}

// Since returns the usage after an earlier reading. It misses the switches of threads
// that ended in between.
func (u Usage) Since(earlier Usage) Usage {
	return Usage{
		CPU: u.CPU - earlier.CPU, User: u.User - earlier.User, System: u.System - earlier.System,
		Voluntary:   u.Voluntary - min(u.Voluntary, earlier.Voluntary),
		Involuntary: u.Involuntary - min(u.Involuntary, earlier.Involuntary),
	}
}

// Memory is the memory of a process in bytes.
type Memory struct {
	RSS     uint64
	PSS     uint64 // shared pages count in part
	Private uint64 // pages of no other process
}

// ReadMemory reads the memory of a process now, zero if it is gone. Reading PSS and
// Private of a large process takes a while: see RSS.
func ReadMemory(pid int) (m Memory) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return m
	}
	m.RSS = RSS(pid)
	rollup, _ := p.ProcSMapsRollup() // it may have ended
	m.PSS, m.Private = rollup.Pss, rollup.PrivateClean+rollup.PrivateDirty
	return m
}

// RSS returns the resident memory of a process in bytes, 0 if it is gone.
func RSS(pid int) uint64 {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	statm, _ := p.Statm() // it may have ended
	return statm.ResidentBytes()
}

// Descriptors returns the number of open files of a process, 0 if it is gone.
func Descriptors(pid int) int {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	n, _ := p.FileDescriptorsLen() // it may have ended
	return n
}

// RaiseFileLimit raises the soft limit of open files of this process to the hard limit
// and returns it.
func RaiseFileLimit() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("process: limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("process: limit of open files: %w", err)
		}
	}
	return limit.Cur, nil
}
