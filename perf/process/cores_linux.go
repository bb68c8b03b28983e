package process

import (
	"errors"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// Pins holds two cores, one for a child and one for this process, so that they do not
// slow each other down. The zero value pins nothing.
type Pins struct {
	taskset     string
	child, self int
}

// Reasons why nothing can be pinned.
var (
	ErrOneCore   = errors.New("only one core: server and load shared it, nothing was pinned")
	ErrNoTaskset = errors.New("taskset not found, nothing was pinned: install util-linux")
)

// FindPins returns the first two cores that this process may use. With an error the Pins
// are the zero value.
func FindPins() (Pins, error) {
	cores := AllowedCores()
	if len(cores) < 2 {
		return Pins{}, ErrOneCore
	}
	path, err := exec.LookPath("taskset")
	if err != nil {
		return Pins{}, ErrNoTaskset
	}
	return Pins{taskset: path, child: cores[0], self: cores[1]}, nil
}

// AllowedCores returns the cores that this process may use.
func AllowedCores() (cores []int) {
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

// Prefix returns the first words of a command that runs on the child's core. The prefix
// execs the command, so the process keeps its number.
func (p Pins) Prefix() []string {
	if p.taskset == "" {
		return nil
	}
	return []string{p.taskset, "-c", strconv.Itoa(p.child)}
}

// PinSelf moves every thread of this process to its core; later threads inherit it.
// release undoes it.
func (p Pins) PinSelf() (release func()) {
	var before unix.CPUSet
	if p.taskset == "" || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	var one unix.CPUSet
	one.Set(p.self)
	setAffinity(&one)
	return func() { setAffinity(&before) }
}

// setAffinity sets the cores of all threads. It does so twice, because a thread may have
// started another while the list was read.
func setAffinity(set *unix.CPUSet) {
	for range 2 {
		threads, _ := os.ReadDir("/proc/self/task") // always exists
		for _, thread := range threads {
			if id, err := strconv.Atoi(thread.Name()); err == nil {
				_ = unix.SchedSetaffinity(id, set) // it may have ended
			}
		}
	}
}
