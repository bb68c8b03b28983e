package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"holdfast/engine"
)

// memory is how much of it the process may use, and who says so.
type memory struct {
	limitBytes int64
	origin     string
	plan       engine.MemoryPlan
}

// goShare is the part of the limit that the Go runtime is told to stay below; the
// rest is for what it does not count: SQLite's pages, the program, the kernel's part.
const goShare = 0.9

// planMemory divides what findMemory finds.
func planMemory(setting, lanes int) memory {
	m := findMemory(setting)
	m.plan = engine.PlanMemory(m.limitBytes, lanes)
	return m
}

// limitRuntime has the Go runtime stay below the limit until restore.
func (m memory) limitRuntime() (restore func()) {
	if m.origin == originGo {
		return func() {}
	}
	before := debug.SetMemoryLimit(int64(float64(m.limitBytes) * goShare))
	return func() { debug.SetMemoryLimit(before) }
}

// originGo is the origin of a limit that the Go runtime has by itself.
const originGo = "GOMEMLIMIT"

// findMemory returns the limit: the setting, else GOMEMLIMIT, else the cgroup's,
// else what the machine has.
func findMemory(setting int) memory {
	if setting > 0 {
		return memory{limitBytes: int64(setting), origin: "memory_limit"}
	}
	if soft := debug.SetMemoryLimit(-1); soft != math.MaxInt64 && os.Getenv(originGo) != "" {
		return memory{limitBytes: soft, origin: originGo}
	}
	machine, err := memlimit.FromSystem()
	if err != nil {
		machine = 1 << 30
	}
	if group, err := memlimit.FromCgroup(); err == nil && group < machine {
		return memory{limitBytes: int64(group), origin: "cgroup"}
	}
	return memory{limitBytes: int64(machine), origin: "machine"}
}

// String says it for people.
func (m memory) String() string {
	const mebi = 1 << 20
	return fmt.Sprintf("%d MiB (%s), of which unsent output at most %d MiB",
		m.limitBytes/mebi, m.origin, m.plan.OutboundTotalBytes/mebi)
}
