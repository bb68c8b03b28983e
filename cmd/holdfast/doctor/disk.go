package doctor

import (
	"fmt"
	"time"
)

func checkFolder(f *Facts) Finding {
	switch d := &f.Disk; {
	case d.Error != nil:
		return fail("give --data a folder that this user may write to", "%s can't be used: %v", f.Data, d.Error)
	case d.Locked:
		return fail("stop the server that has it, or give this one another --data", "%s is in use by another process", f.Data)
	case !d.Exists:
		return okay("%s is yet to be made in %s", f.Data, d.Path)
	case d.Bound:
		return okay("%s has a journal, and nobody else works in it", f.Data)
	default:
		return okay("%s is empty, and nobody else works in it", f.Data)
	}
}

func checkSeed(f *Facts) Finding {
	switch {
	case f.SeedError != nil:
		return fail("mend the seed file, or leave out --seed-file", "%v", f.SeedError)
	case f.Disk.Bound && !f.Disk.SeedMatches:
		return fail("give the --seed-file that the folder was begun with, or another --data", "%s was filled from another seed file", f.Data)
	case f.Disk.Bound:
		return okay("the data folder was begun with it")
	default:
		return okay("it can be read")
	}
}

// Free space that lasts for a while beyond the mark, at an order of 100 bytes.
const (
	littleSpace = 1 << 30
	leastSpace  = 128 << 20
	fewInodes   = 1000
)

func checkSpace(f *Facts) Finding {
	d := &f.Disk
	text := fmt.Sprintf("%s free of %s", bytesText(d.Free), bytesText(d.Total))
	const mend = "free some, or give --data a folder on a larger disk"
	switch {
	case d.Total <= 0:
		return okay("free space unknown")
	case d.Free < max(f.FreeBytes, leastSpace):
		return fail(mend, "%s: orders are refused below %s", text, bytesText(max(f.FreeBytes, leastSpace)))
	case d.Free < f.FreeBytes+littleSpace:
		return warn(mend, "%s: it lasts for about %s orders", text, grouped((d.Free-f.FreeBytes)/100))
	case d.FreeInodes != Unknown && d.FreeInodes < fewInodes && d.FreeInodes != 0:
		return warn(mend, "%s, but room for %s files only", text, grouped(d.FreeInodes))
	default:
		return okay("%s", text)
	}
}

// An order is acknowledged after an fsync. One above slowSync is felt by people;
// one below quickSync did not wait for any disk.
const (
	slowSync  = 20 * time.Millisecond
	worstSync = 200 * time.Millisecond
	quickSync = 10 * time.Microsecond
)

func checkWrites(f *Facts) Finding {
	d := &f.Disk
	median := d.median()
	if median == 0 {
		return okay("not measured")
	}
	worst := d.Sync[len(d.Sync)-1]
	text := fmt.Sprintf("a write is durable after %s (median of %d; longest %s)", durationText(median), len(d.Sync), durationText(worst))
	const mend = "put --data on an SSD or NVMe disk of this machine, and nothing else that writes much"
	switch {
	case median > slowSync:
		return warn(mend, "%s: every order waits that long", text)
	case worst > worstSync:
		return warn(mend, "%s: some orders wait that long", text)
	case median < quickSync && !inMemory(d.Type):
		return warn("look at the mount options and the disk's write cache", "%s: nothing that quick has reached a disk, so a power cut may lose orders", text)
	default:
		return okay("%s", text)
	}
}

func inMemory(fileSystem string) bool { return fileSystem == "tmpfs" || fileSystem == "ramfs" }

func checkFileSystem(f *Facts) Finding {
	switch t := f.Disk.Type; t {
	case "":
		return okay("kind unknown")
	case "tmpfs", "ramfs":
		return warn("give --data a folder on a disk", "%s: nothing survives a restart of the machine", t)
	case "overlayfs":
		return warn("mount a volume and give --data a folder in it", "%s: the data goes away with the container", t)
	case "nfs", "cifs", "smb2", "fuse", "9p", "ceph":
		return warn("give --data a folder on a disk of this machine", "%s: its locks and its fsync are not to be relied on for a journal", t)
	default:
		return okay("%s", t)
	}
}

// Clocks: executions carry the wall clock's time, deadlines the monotonic one.
const mostJump = 5 * time.Millisecond

func checkClock(f *Facts) Finding {
	const mend = "run chrony or systemd-timesyncd (timedatectl set-ntp true)"
	switch ahead := f.Disk.Newest.Sub(f.Now); {
	case ahead > time.Minute:
		return warn(mend, "it is %s behind the newest file in the data folder: later executions will look older", ahead.Round(time.Second))
	case f.ClockJump > mostJump:
		return warn(mend, "it moved by %s while this was looking", durationText(f.ClockJump))
	case f.Synchronised == 0:
		return warn(mend, "the kernel says that nothing keeps it right")
	case f.Synchronised == Unknown:
		return okay("steady; whether something keeps it right is unknown")
	default:
		return okay("synchronised and steady")
	}
}

func checkClockSource(f *Facts) Finding {
	switch f.ClockSource {
	case "":
		return okay("unknown")
	case "hpet", "acpi_pm", "jiffies", "pit", "refined-jiffies", "xen":
		return warn("echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, if available_clocksource there lists it",
			"%s: asking for the time is a system call, and the server asks often", f.ClockSource)
	default:
		return okay("%s", f.ClockSource)
	}
}
