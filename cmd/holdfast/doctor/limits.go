package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast/engine"
)

// checkOpenFiles checks the hard limit, to which the server raises its soft limit.
func checkOpenFiles(f *Facts) Finding {
	if f.HardFiles == 0 {
		return okay("limit unknown")
	}
	hard := int64(min(f.HardFiles, 1<<40))
	text := fmt.Sprintf("soft limit %s, which the server raises to the hard limit %s", grouped(int64(min(f.SoftFiles, 1<<40))), grouped(hard))
	left := int64(engine.MaxClients(f.HardFiles))
	mend := fmt.Sprintf("raise the hard limit: LimitNOFILE=%d in the systemd unit, or nofile in /etc/security/limits.conf", max(65_536, f.connections()+engine.DescriptorReserve))
	switch {
	case left < 64:
		return failure(mend, "%s: too few for the server and any clients", text)
	case left < f.connections():
		return warning(mend, "%s: enough for %s of %s connections", text, grouped(left), grouped(f.connections()))
	default:
		return okay("%s: enough for %s connections", text, grouped(left))
	}
}

func checkSystemFiles(f *Facts) Finding {
	switch {
	case f.SystemFiles == Unknown:
		return okay("system-wide limit unknown")
	case f.SystemFiles-max(0, f.SystemFilesUsed) < 2*f.connections():
		return warning("sysctl -w fs.file-max=2097152", "all processes together may open %s files, and %s are open", grouped(f.SystemFiles), orUnknown(f.SystemFilesUsed))
	case f.EpollWatches != Unknown && f.EpollWatches < f.connections():
		return warning("sysctl -w fs.epoll.max_user_watches=1048576", "the event loops of one user may watch only %s connections", grouped(f.EpollWatches))
	case f.SystemFiles >= 1<<40:
		return okay("%s files open, no system-wide limit", orUnknown(f.SystemFilesUsed))
	default:
		return okay("%s of at most %s files open in the whole system", orUnknown(f.SystemFilesUsed), grouped(f.SystemFiles))
	}
}

// Memory of the server without connections, and of a connection with its buffers in the
// kernel.
const (
	leastMemory         = 128 << 20
	memoryItself        = 256 << 20
	memoryForConnection = 20 << 10
)

// memoryLeft returns the memory that the server can use and what limits it, or Unknown.
func (f *Facts) memoryLeft() (left int64, why string) {
	left = Unknown
	for _, limit := range []struct {
		bytes int64
		name  string
	}{
		{f.MemoryAvailable, "free on this machine"},
		{f.GroupMemory, "limit of the control group"},
		{f.MemoryLimit, "limit set by " + f.MemoryOrigin},
	} {
		if limit.bytes > 0 && (left == Unknown || limit.bytes < left) {
			left, why = limit.bytes, limit.name
		}
	}
	return left, why
}

func checkMemory(f *Facts) Finding {
	left, why := f.memoryLeft()
	text, wanted := fmt.Sprintf("the server can use %s (%s)", bytesText(left), why), memoryItself+f.connections()*memoryForConnection
	const mend = "leave out --memory-limit and GOMEMLIMIT: the server then uses the limit of control group or machine"
	switch {
	case left == Unknown:
		return okay("amount unknown")
	case left < leastMemory:
		return failure("stop other programs, or raise the memory of the machine, its control group or --memory-limit", "%s and needs at least %s", text, bytesText(leastMemory))
	case f.GroupMemory != Unknown && f.MemoryLimit > f.GroupMemory:
		return warning(mend, "the server limits itself to %s (%s), but the control group kills it at %s", bytesText(f.MemoryLimit), f.MemoryOrigin, bytesText(f.GroupMemory))
	case f.MemoryTotal != Unknown && f.MemoryLimit > f.MemoryTotal:
		return warning(mend, "the server limits itself to %s (%s), but the machine has %s", bytesText(f.MemoryLimit), f.MemoryOrigin, bytesText(f.MemoryTotal))
	case left < wanted:
		return warning("raise the memory of the machine, its control group or --memory-limit, or lower --max-connections",
			"%s; %s connections need %s", text, grouped(f.connections()), bytesText(wanted))
	case f.Overcommit == 2:
		return warning("sysctl -w vm.overcommit_memory=0", "%s, but the kernel may refuse it: the Go runtime reserves more memory than it uses", text)
	default:
		return okay("%s", text)
	}
}

func checkProcessors(f *Facts) Finding {
	text := fmt.Sprintf("%s on %s", plural(f.EventLoops, "event loop"), plural(f.Processors, "processor"))
	switch {
	case f.GroupCPUs > 0 && float64(f.EventLoops) > f.GroupCPUs+0.99:
		return warning(fmt.Sprintf("set --event-loops %d", max(1, int(f.GroupCPUs))),
			"%s, but the control group allows %.1f: when they are used up, all loops stop for a while", text, f.GroupCPUs)
	case f.EventLoops > f.Processors:
		return warning(fmt.Sprintf("set --event-loops %d, or leave it out", f.Processors), "%s: they wait for each other", text)
	case f.Processors == 1:
		return warning("use two processors or more", "%s: fsync and garbage collection delay the loop", text)
	default:
		return okay("%s", text)
	}
}

// checkKernel requires Linux 3.9 for SO_REUSEPORT, with which each event loop has a
// listener, and recommends 4.18, because nobody maintains older kernels.
func checkKernel(f *Facts) Finding {
	if f.EpollError != nil {
		return failure("run the server on Linux itself, not in a sandbox without epoll", "epoll can't be used: %v", f.EpollError)
	}
	major, minor, ok := kernelVersion(f.Kernel)
	switch {
	case !ok:
		return okay("release unknown; epoll works")
	case major < 3 || major == 3 && minor < 9:
		return failure("use Linux 3.9 or later", "on Linux %s event loops can't share a port (SO_REUSEPORT)", f.Kernel)
	case major < 4 || major == 4 && minor < 18:
		return warning("use Linux 4.18 or later", "Linux %s is older than the releases that this server is tested on", f.Kernel)
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
