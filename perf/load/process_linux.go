package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a process has used since its start. cpu is exact; user and
// system of a process are in kernel clock ticks of 10 ms, as /proc has them.
type usage struct {
	cpu, user, system      time.Duration
	voluntary, involuntary uint64
}

// tick is USER_HZ, 100 a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// readUsage reads CPU times (all threads, living and ended) and context switches
// (threads living now).
func readUsage(pid int) (usage, error) {
	stat, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return usage{}, fmt.Errorf("load: server process: %w", err)
	}
	u, err := parseStat(stat)
	if err != nil {
		return usage{}, err
	}
	u.cpu = u.user + u.system
	if exact, err := readClock(pid); err == nil {
		u.cpu = exact
	}
	u.voluntary, u.involuntary = readSwitches(pid)
	return u, nil
}

// readClock reads the CPU time of all threads of a process, living and ended, to
// the nanosecond: its CPU-time clock, as clock_getcpuclockid(3) makes the number.
func readClock(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|cpuClockSched, &t); err != nil {
		return 0, fmt.Errorf("load: server process: clock: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// parseStat takes utime and stime, fields 14 and 15 of proc_pid_stat(5). The
// second field, the name, may contain blanks and brackets.
func parseStat(stat []byte) (usage, error) {
	_, rest, _ := strings.Cut(string(stat[max(0, bytes.LastIndexByte(stat, ')')):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return usage{}, fmt.Errorf("load: server process: stat has %d fields", len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return usage{}, fmt.Errorf("load: server process: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return usage{}, fmt.Errorf("load: server process: %w", err)
	}
	return usage{user: time.Duration(user) * tick, system: time.Duration(system) * tick}, nil
}

func readSwitches(pid int) (voluntary, involuntary uint64) {
	files, _ := filepath.Glob(procPath(pid, "task/*/status")) // the pattern is well formed
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		voluntary += field(status, "voluntary_ctxt_switches:")
		involuntary += field(status, "nonvoluntary_ctxt_switches:")
	}
	return voluntary, involuntary
}

// field returns the number behind a line's name, 0 if there is none.
func field(lines []byte, name string) uint64 {
	for line := range strings.Lines(string(lines)) {
		if rest, found := strings.CutPrefix(line, name); found {
			words := strings.Fields(rest)
			if len(words) == 0 {
				return 0
			}
			n, _ := strconv.ParseUint(words[0], 10, 64) // 0 when it isn't one
			return n
		}
	}
	return 0
}

// readMemory reads what the process holds now; zero if it is gone.
func readMemory(pid int) (m Memory) {
	statm, _ := os.ReadFile(procPath(pid, "statm"))
	if words := strings.Fields(string(statm)); len(words) > 1 {
		pages, _ := strconv.ParseUint(words[1], 10, 64)
		m.RSS = pages * uint64(os.Getpagesize())
	}
	rollup, _ := os.ReadFile(procPath(pid, "smaps_rollup"))
	m.PSS = field(rollup, "Pss:") << 10
	m.Private = (field(rollup, "Private_Clean:") + field(rollup, "Private_Dirty:")) << 10
	return m
}

// readOwnUsage reads the CPU times of the calling thread.
func readOwnUsage() (u usage) {
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &r) == nil {
		u.user, u.system = time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
		u.cpu = u.user + u.system
	}
	return u
}

// raiseFileLimit raises the soft limit of open files to the hard one and returns
// it.
func raiseFileLimit() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("load: limit of open files: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("load: limit of open files: %w", err)
		}
	}
	return limit.Cur, nil
}
