package doctor

import (
	"fmt"
	"time"

	"holdfast/biz/fserror"
	"holdfast/biz/history"
)

func checkFolder(f *Facts) Finding {
	switch d := &f.Disk; {
	case d.Error != nil:
		return failure("set --data to a folder that this user can write to", "%s can't be used: %s", f.Data, fserror.Cause(f.Data, d.Error))
	case d.Locked:
		return failure("stop the server that uses it, or set another --data", "%s is in use by another process", f.Data)
	case !d.Exists:
		return okay("%s will be created in %s", f.Data, d.Path)
	case d.Bound:
		return okay("%s has a journal, and no other process uses it", f.Data)
	default:
		return okay("%s has no journal yet, and no other process uses it", f.Data)
	}
}

func checkSeed(f *Facts) Finding {
	switch {
	case f.SeedError != nil:
		return failure("fix the seed file, or leave out --seed-file", "%v", f.SeedError)
	case f.Disk.Trimmed:
		return okay("the seed can be read; serve checks whether it fits, since the start of the journal was trimmed")
	case f.Disk.Bound && !f.Disk.SeedMatches:
		return warning("if serve refuses the seed file, set --seed-file to the file of this folder, or set another --data",
			"%s was started with another seed file, or the file has changed since; serve checks whether it fits", f.Data)
	case f.Disk.Bound:
		return okay("the data folder was started with it")
	default:
		return okay("the seed can be read")
	}
}

func checkHistory(f *Facts) Finding {
	if f.HistoryURL == "" {
		return okay("SQLite in the data folder")
	}
	place := history.Options{URL: f.HistoryURL}.Place()
	if f.HistoryError != nil {
		return failure("fix that, or set --history-url to another database; without it the history is in the data folder", "%s: %v", place, f.HistoryError)
	}
	return okay("%s can be used", place)
}

// Free space above the watermark that lasts for a while, at 100 bytes per order.
const (
	littleSpace = 1 << 30
	leastSpace  = 128 << 20
	fewInodes   = 1000
)

func checkSpace(f *Facts) Finding {
	d := &f.Disk
	text := fmt.Sprintf("%s free of %s", bytesText(d.Free), bytesText(d.Total))
	const mend = "free some space, or set --data to a folder on a larger disk"
	switch {
	case d.Total <= 0:
		return okay("free space unknown")
	case d.Free < max(f.FreeBytes, leastSpace):
		return failure(mend, "%s: orders are refused below %s", text, bytesText(max(f.FreeBytes, leastSpace)))
	case d.Free < f.FreeBytes+littleSpace:
		return warning(mend, "%s: enough for about %s orders", text, grouped((d.Free-f.FreeBytes)/100))
	case d.FreeInodes != Unknown && d.FreeInodes < fewInodes && d.FreeInodes != 0:
		return warning(mend, "%s, but for only %s files", text, grouped(d.FreeInodes))
	default:
		return okay("%s", text)
	}
}

// An order is acknowledged after an fsync. Users notice one that takes longer than
// slowSync; one below quickSync did not wait for a disk.
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
	const mend = "set --data to a folder on a local SSD or NVMe disk that nothing else writes much to"
	switch {
	case median > slowSync:
		return warning(mend, "%s: every order waits that long", text)
	case worst > worstSync:
		return warning(mend, "%s: some orders wait that long", text)
	case median < quickSync && !inMemory(d.Type):
		return warning("check the mount options and the disk's write cache", "%s: too quick for a disk, so a power cut may lose orders", text)
	default:
		return okay("%s", text)
	}
}

func inMemory(fileSystem string) bool { return fileSystem == "tmpfs" || fileSystem == "ramfs" }

func checkFileSystem(f *Facts) Finding {
	switch t := f.Disk.Type; t {
	case "":
		return okay("type unknown")
	case "tmpfs", "ramfs":
		return warning("set --data to a folder on a disk", "%s: nothing survives a restart of the machine", t)
	case "overlayfs":
		return warning("mount a volume and set --data to a folder in it", "%s: the data is lost when the container is removed", t)
	case "nfs", "cifs", "smb2", "fuse", "9p", "ceph":
		return warning("set --data to a folder on a disk of this machine", "%s: its locks and fsync are not reliable enough for a journal", t)
	default:
		return okay("%s", t)
	}
}

// mostJump is for the wall clock, which executions have; deadlines use the monotonic one.
const mostJump = 5 * time.Millisecond

func checkClock(f *Facts) Finding {
	const mend = "run chrony or systemd-timesyncd (timedatectl set-ntp true)"
	switch ahead := f.Disk.Newest.Sub(f.Now); {
	case ahead > time.Minute:
		return warning(mend, "the clock is %s behind the newest file in the data folder: new executions will look older than that", ahead.Round(time.Second))
	case f.ClockJump > mostJump:
		return warning(mend, "the clock jumped by %s during the check", durationText(f.ClockJump))
	case f.Synchronised == 0:
		return warning(mend, "the kernel says that no time service sets the clock")
	case f.Synchronised == Unknown:
		return okay("steady; whether it is synchronised is unknown")
	default:
		return okay("synchronised and steady")
	}
}

func checkClockSource(f *Facts) Finding {
	switch f.ClockSource {
	case "":
		return okay("unknown")
	case "hpet", "acpi_pm", "jiffies", "pit", "refined-jiffies", "xen":
		return warning("echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, if available_clocksource there lists it",
			"%s: reading the time is a system call, and the server does it often", f.ClockSource)
	default:
		return okay("%s", f.ClockSource)
	}
}
