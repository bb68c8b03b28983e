package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNoMemoryGroup means that this process can't create a control group with a memory
// limit.
var ErrNoMemoryGroup = errors.New("process: no memory control groups: mount them under /sys/fs/cgroup")

// MemoryGroup is a control group with a memory limit, of either version.
type MemoryGroup struct {
	folder      string
	peak, fails string // names of files
}

// NewMemoryGroup creates a group. Remove it when its processes are gone.
func NewMemoryGroup(name string, limitBytes int) (*MemoryGroup, error) {
	for _, v := range []struct{ root, limit, peak, fails string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt"},
		{"/sys/fs/cgroup", "memory.max", "memory.peak", ""},
	} {
		g := &MemoryGroup{folder: filepath.Join(v.root, name), peak: v.peak, fails: v.fails}
		if os.Mkdir(g.folder, 0o755) != nil {
			continue
		}
		if os.WriteFile(filepath.Join(g.folder, v.limit), []byte(strconv.Itoa(limitBytes)), 0o644) == nil {
			return g, nil
		}
		_ = os.Remove(g.folder) // no process is in it
	}
	return nil, ErrNoMemoryGroup
}

// Prefix returns the first words of a command that runs in the group.
func (g *MemoryGroup) Prefix() []string {
	return []string{"sh", "-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, g.folder}
}

// Peak returns the highest use in bytes, page cache included; 0 if the kernel does not
// report it.
func (g *MemoryGroup) Peak() uint64 { return g.number(g.peak) }

// Failures returns how often the limit was reached; 0 if the kernel does not report it.
func (g *MemoryGroup) Failures() uint64 { return g.number(g.fails) }

func (g *MemoryGroup) number(file string) uint64 {
	text, _ := os.ReadFile(filepath.Join(g.folder, file))
	n, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// Remove removes the group, as soon as the kernel has noticed that it has no process.
func (g *MemoryGroup) Remove() (err error) {
	for range 100 {
		if err = os.Remove(g.folder); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}
