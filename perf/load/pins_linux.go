package load

import (
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// pins says which core the server gets and which the load.
type pins struct {
	pinned       bool
	taskset      string
	server, load int
	note         string
}

// findPins takes the first two cores that this process may use.
func findPins() pins {
	cores := allowedCores()
	if len(cores) < 2 {
		return pins{note: "only one core: server and load shared it, nothing was pinned"}
	}
	path, err := exec.LookPath("taskset")
	if err != nil {
		return pins{note: "taskset was not found: nothing was pinned"}
	}
	return pins{pinned: true, taskset: path, server: cores[0], load: cores[1]}
}

func allowedCores() (cores []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for core := range len(set) * 64 {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// pinSelf moves every thread of this process to the load's core; threads made
// later inherit it. The function returned undoes it.
func (p pins) pinSelf() (release func()) {
	var before unix.CPUSet
	if !p.pinned || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	var one unix.CPUSet
	one.Set(p.load)
	setAffinity(&one)
	return func() { setAffinity(&before) }
}

// setAffinity sets the cores of all threads. Twice, since a thread that was not
// yet moved may have made another while the list was read.
func setAffinity(set *unix.CPUSet) {
	for range 2 {
		threads, _ := os.ReadDir("/proc/self/task") // always there
		for _, thread := range threads {
			if id, err := strconv.Atoi(thread.Name()); err == nil {
				_ = unix.SchedSetaffinity(id, set) // it may have ended
			}
		}
	}
}
