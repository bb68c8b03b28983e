package doctor

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"holdfast/engine"
)

// checkOpenFiles judges the hard limit: the server raises its soft one to that.
func checkOpenFiles(f *Facts) Finding {
	if f.HardFiles == 0 {
		return okay("limit unknown")
	}
	hard := int64(min(f.HardFiles, 1<<40))
	text := fmt.Sprintf("soft limit %s, hard limit %s, which the server takes", grouped(int64(min(f.SoftFiles, 1<<40))), grouped(hard))
	room := int64(engine.RoomForClients(f.HardFiles))
	mend := fmt.Sprintf("raise the hard limit: LimitNOFILE=%d in the systemd unit, or nofile in /etc/security/limits.conf", max(65_536, f.connections()+engine.DescriptorReserve))
	switch {
	case room < 64:
		return fail(mend, "%s: hardly any room for clients beside what the server needs itself", text)
	case room < f.connections():
		return warn(mend, "%s: room for %s connections of %s", text, grouped(room), grouped(f.connections()))
	default:
		return okay("%s: room for %s connections", text, grouped(room))
	}
}

func checkSystemFiles(f *Facts) Finding {
	switch {
	case f.SystemFiles == Unknown:
		return okay("limit of the whole system unknown")
	case f.SystemFiles-max(0, f.SystemFilesUsed) < 2*f.connections():
		return warn("sysctl -w fs.file-max=2097152", "all processes together may open %s files and have %s", grouped(f.SystemFiles), orUnknown(f.SystemFilesUsed))
	case f.EpollWatches != Unknown && f.EpollWatches < f.connections():
		return warn("sysctl -w fs.epoll.max_user_watches=1048576", "event loops of one user may watch %s connections", grouped(f.EpollWatches))
	case f.SystemFiles >= 1<<40:
		return okay("%s open, no limit for the whole system", orUnknown(f.SystemFilesUsed))
	default:
		return okay("%s open of at most %s in the whole system", orUnknown(f.SystemFilesUsed), grouped(f.SystemFiles))
	}
}

// Memory: what the server needs by itself, and what a connection may take with
// its buffers in the kernel.
const (
	leastMemory         = 128 << 20
	memoryItself        = 256 << 20
	memoryForConnection = 20 << 10
)

// memoryRoom is what there is for the server: Unknown where nothing says.
func (f *Facts) memoryRoom() int64 {
	room := int64(math.MaxInt64)
	for _, limit := range []int64{f.MemoryAvailable, f.GroupMemory, f.MemoryLimit} {
		if limit > 0 {
			room = min(room, limit)
		}
	}
	if room == math.MaxInt64 {
		return Unknown
	}
	return room
}

func checkMemory(f *Facts) Finding {
	room, wanted := f.memoryRoom(), memoryItself+f.connections()*memoryForConnection
	switch {
	case room == Unknown:
		return okay("amount unknown")
	case room < leastMemory:
		return fail("end other programs, or give the machine, its control group or --memory-limit more", "%s for the server, which needs %s", bytesText(room), bytesText(leastMemory))
	case room < wanted:
		return warn("give the machine, its control group or --memory-limit more, or lower --max-connections",
			"%s for the server; %s connections want %s", bytesText(room), grouped(f.connections()), bytesText(wanted))
	case f.Overcommit == 2:
		return warn("sysctl -w vm.overcommit_memory=0", "%s for the server, and the kernel refuses what it can't back at once: the Go runtime reserves more than it uses", bytesText(room))
	default:
		return okay("%s for the server", bytesText(room))
	}
}

func checkMemoryLimit(f *Facts) Finding {
	const mend = "leave out --memory-limit and GOMEMLIMIT: the server then keeps below what there is"
	text := fmt.Sprintf("the server keeps to %s (%s)", bytesText(f.MemoryLimit), f.MemoryOrigin)
	switch {
	case f.MemoryLimit <= 0:
		return okay("not known before the start")
	case f.GroupMemory != Unknown && f.MemoryLimit > f.GroupMemory:
		return warn(mend, "%s, and the control group kills at %s", text, bytesText(f.GroupMemory))
	case f.MemoryTotal != Unknown && f.MemoryLimit > f.MemoryTotal:
		return warn(mend, "%s, and the machine has %s", text, bytesText(f.MemoryTotal))
	default:
		return okay("%s", text)
	}
}

func checkProcessors(f *Facts) Finding {
	text := fmt.Sprintf("%s on %s", plural(f.EventLoops, "event loop"), plural(f.Processors, "processor"))
	switch {
	case f.GroupCPUs > 0 && float64(f.EventLoops) > f.GroupCPUs+0.99:
		return warn(fmt.Sprintf("give --event-loops %d", max(1, int(f.GroupCPUs))),
			"%s, of which the control group gives %.1f: loops stand still together when it is used up", text, f.GroupCPUs)
	case f.EventLoops > f.Processors:
		return warn(fmt.Sprintf("give --event-loops %d, or none", f.Processors), "%s: they wait for each other", text)
	case f.Processors == 1:
		return warn("use two processors or more", "%s: fsync and garbage collection hold up the loop", text)
	default:
		return okay("%s", text)
	}
}

// Kernels: SO_REUSEPORT, on which each event loop has its listener, is from 3.9;
// what is older than 4.18 gets no repairs from anybody.
func checkKernel(f *Facts) Finding {
	if f.EpollError != nil {
		return fail("run it on Linux itself, not in a sandbox without epoll", "epoll can't be used: %v", f.EpollError)
	}
	major, minor, ok := kernelVersion(f.Kernel)
	switch {
	case !ok:
		return okay("release unknown; epoll works")
	case major < 3 || major == 3 && minor < 9:
		return fail("use Linux 3.9 or later", "Linux %s can't give each event loop a listener", f.Kernel)
	case major < 4 || major == 4 && minor < 18:
		return warn("use Linux 4.18 or later", "Linux %s is older than what this server is tried on", f.Kernel)
	default:
		return okay("Linux %s, epoll works", f.Kernel)
	}
}

func kernelVersion(release string) (major, minor int, ok bool) {
	first, rest, _ := strings.Cut(release, ".")
	second, _, _ := strings.Cut(rest, ".")
	second = second[:len(second)-len(strings.TrimLeft(second, "0123456789"))]
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0, 0, false
	}
	minor, err = strconv.Atoi(second)
	return major, minor, err == nil
}
