package host

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"holdfast/cmd/holdfast/config"
	"holdfast/engine"
)

// Memory is the memory limit of the process and where it comes from.
type Memory struct {
	LimitBytes int64
	Origin     string // "memory_limit", "GOMEMLIMIT", "cgroup" or "machine"
	plan       engine.MemoryPlan
}

// goShare is the share of the limit that the Go runtime stays below. The rest is for
// memory that it does not count: SQLite's pages, the binary, the kernel's buffers.
const goShare = 0.9

// PlanMemory finds the memory limit of a server with the settings of c, and divides it.
func PlanMemory(c *config.Config) Memory {
	m := findMemory(c.MemoryLimit)
	m.plan = engine.PlanMemory(m.LimitBytes, EventLoops(c))
	return m
}

// LimitRuntime sets the memory limit of the Go runtime until restore.
func (m Memory) LimitRuntime() (restore func()) {
	if m.Origin == originGo {
		return func() {}
	}
	before := debug.SetMemoryLimit(int64(float64(m.LimitBytes) * goShare))
	return func() { debug.SetMemoryLimit(before) }
}

// originGo is the origin of a limit that the Go runtime has read from the environment.
const originGo = "GOMEMLIMIT"

// findMemory returns the limit: the setting, else GOMEMLIMIT, else the cgroup's limit,
// else the machine's memory.
func findMemory(setting int) Memory {
	if setting > 0 {
		return Memory{LimitBytes: int64(setting), Origin: "memory_limit"}
	}
	if soft := debug.SetMemoryLimit(-1); soft != math.MaxInt64 && os.Getenv(originGo) != "" {
		return Memory{LimitBytes: soft, Origin: originGo}
	}
	machine, err := memlimit.FromSystem()
	if err != nil {
		machine = 1 << 30
	}
	if group, err := memlimit.FromCgroup(); err == nil && group < machine {
		return Memory{LimitBytes: int64(group), Origin: "cgroup"}
	}
	return Memory{LimitBytes: int64(machine), Origin: "machine"}
}

// String returns limit and origin as a readable text.
func (m Memory) String() string {
	const mebi = 1 << 20
	return fmt.Sprintf("%d MiB (%s), at most %d MiB of it for unsent output",
		m.LimitBytes/mebi, m.Origin, m.plan.OutboundTotalBytes/mebi)
}
