package doctor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/cmd/holdfast/doctor"
)

// healthy are the facts of a machine with nothing to fix.
func healthy() *doctor.Facts {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &doctor.Facts{
		Wanted: doctor.Wanted{
			Listen: "127.0.0.1:8888", Admin: "127.0.0.1:8889", Data: "/data", EventLoops: 4,
			MemoryLimit: 8 << 30, MemoryOrigin: "machine", SoftFiles: 1024, HardFiles: 1 << 20,
		},
		SystemFiles: 1 << 21, SystemFilesUsed: 2000, Backlog: 4096, SynBacklog: 2048,
		PortFirst: 32768, PortLast: 60999, ReuseTimeWait: 2, TimeWait: 10,
		TrackedMost: doctor.Unknown, Tracked: doctor.Unknown, EpollWatches: 1 << 20,
		MemoryTotal: 8 << 30, MemoryAvailable: 6 << 30, GroupMemory: doctor.Unknown,
		Processors: 4, Synchronised: 1, ClockSource: "tsc", Now: now, Kernel: "6.12.0-1-amd64",
		Disk: doctor.Disk{
			Path: "/data", Exists: true, Bound: true, SeedMatches: true, Newest: now.Add(-time.Hour), Type: "ext4",
			Total: 100 << 30, Free: 50 << 30, FreeInodes: 1 << 20, Sync: []time.Duration{time.Millisecond, 2 * time.Millisecond, 9 * time.Millisecond},
		},
	}
}

func TestHealthy(t *testing.T) {
	r := doctor.Examine(healthy())
	if r.Warned != 0 || r.Failed != 0 || r.OK != len(r.Findings) || r.OK < 15 || r.Failures() != "" {
		t.Errorf("%d ok, %d warned, %d failed (%s) of %d", r.OK, r.Warned, r.Failed, r.Failures(), len(r.Findings))
	}
	for _, f := range r.Findings {
		if f.Status != doctor.OK || f.Mend != "" || f.Text == "" || strings.ContainsAny(f.Text, "\n") {
			t.Errorf("%+v", f)
		}
	}
}

func inUse(err syscall.Errno) error {
	return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)}
}

func TestChecks(t *testing.T) {
	type facts = *doctor.Facts
	ms := time.Millisecond
	cases := []struct {
		name   string
		change func(f facts)
		check  string
		status doctor.Status
		text   string // part of the finding
		mend   string // part of what to do
	}{
		{"port taken", func(f facts) { f.ListenError = inUse(syscall.EADDRINUSE) }, "listen", doctor.Fail, "127.0.0.1:8888 is in use", "another --listen"},
		{"admin port taken", func(f facts) { f.AdminError = inUse(syscall.EADDRINUSE) }, "admin", doctor.Fail, "127.0.0.1:8889 is in use", "another --admin"},
		{"port of the system", func(f facts) { f.ListenError = inUse(syscall.EACCES) }, "listen", doctor.Fail, "may not be used", "1024"},
		{"address of another machine", func(f facts) { f.ListenError = inUse(syscall.EADDRNOTAVAIL) }, "listen", doctor.Fail, "not an address of this machine", "ip addr"},
		{"socket file free", func(f facts) { f.Listen, f.DemoLogins = "unix:/run/a.sock", true }, "listen", doctor.OK, "unix:/run/a.sock is free", ""},
		{"socket file taken", func(f facts) { f.Listen, f.ListenError = "unix:/run/a.sock", syscall.EADDRINUSE }, "listen", doctor.Fail, "unix:/run/a.sock is in use", "ss -ltnpx"},
		{"socket file of another user", func(f facts) { f.Listen, f.ListenError = "unix:/root/a.sock", syscall.EACCES }, "listen", doctor.Fail, "permission denied", "another --listen"},
		{"console port taken", func(f facts) { f.Console, f.ConsoleError = "127.0.0.1:8880", inUse(syscall.EADDRINUSE) }, "listen", doctor.Fail, "127.0.0.1:8880 is in use", "another --console"},
		{"port for another reason", func(f facts) { f.AdminError = errors.New("odd") }, "admin", doctor.Fail, "odd", "--admin"},
		{"second listener free", func(f facts) {
			f.Listeners, f.ListenerErrors = []string{"127.0.0.1:8890"}, []error{nil}
		}, "listen", doctor.OK, "127.0.0.1:8888 is free; 127.0.0.1:8890 is free", ""},
		{"second listener taken", func(f facts) {
			f.Listeners, f.ListenerErrors = []string{"127.0.0.1:8890"}, []error{inUse(syscall.EADDRINUSE)}
		}, "listen", doctor.Fail, "127.0.0.1:8890 is in use", "another --listener"},
		{"second listener in the open", func(f facts) {
			f.Listeners, f.ListenerErrors, f.DemoLogins = []string{"0.0.0.0:8890"}, []error{nil}, true
		}, "listen", doctor.Warn, "0.0.0.0:8890 is free, but other machines", "--seed-file"},
		{"published passwords in the open", func(f facts) { f.Listen, f.DemoLogins = "0.0.0.0:8888", true }, "listen", doctor.Warn, "published passwords", "--seed-file"},
		{"own accounts in the open", func(f facts) { f.Listen = "0.0.0.0:8888" }, "listen", doctor.OK, "is free", ""},
		{"published passwords at home", func(f facts) { f.Listen, f.DemoLogins = "[::1]:8888", true }, "listen", doctor.OK, "is free", ""},
		{"port of outgoing connections", func(f facts) { f.Listen = "127.0.0.1:40000" }, "listen", doctor.Warn, "outgoing connection", "ip_local_reserved_ports=40000"},
		{"profiles in the open", func(f facts) { f.Admin = ":8889" }, "admin", doctor.Warn, "other machines", "127.0.0.1:8889"},

		{"folder is a file", func(f facts) { f.Data, f.Disk.Error = "/dev/null", syscall.ENOTDIR }, "data folder", doctor.Fail, "/dev/null can't be used: it is not a folder", "--data"},
		{"folder not writable", func(f facts) { f.Disk.Error = os.ErrPermission }, "data folder", doctor.Fail, "permission", "--data"},
		{"folder taken", func(f facts) { f.Disk.Locked = true }, "data folder", doctor.Fail, "another process", "stop the server"},
		{"folder to be made", func(f facts) { f.Disk.Exists, f.Disk.Bound = false, false }, "data folder", doctor.OK, "will be created", ""},
		{"folder empty", func(f facts) { f.Disk.Bound = false }, "data folder", doctor.OK, "no journal yet", ""},
		{"seed file broken", func(f facts) { f.SeedError = errors.New("seed.json:3: no") }, "seed", doctor.Fail, "seed.json:3", "fix the seed file"},
		{"data of another seed", func(f facts) { f.Disk.SeedMatches = false }, "seed", doctor.Warn, "another seed file", "if serve refuses"},
		{"trimmed journal", func(f facts) { f.Disk.Trimmed, f.Disk.SeedMatches = true, false }, "seed", doctor.OK, "was trimmed", ""},
		{"no data yet", func(f facts) { f.Disk.Bound, f.Disk.SeedMatches = false, false }, "seed", doctor.OK, "can be read", ""},

		{"history in the folder", func(f facts) { f.HistoryURL = "" }, "history", doctor.OK, "SQLite", ""},
		{"history elsewhere", func(f facts) { f.HistoryURL = "postgres://u:tiger@db/x" }, "history", doctor.OK, "PostgreSQL database x at db:5432, schema holdfast, as u can be used", ""},
		{"no database", func(f facts) {
			f.HistoryURL, f.HistoryError = "postgres://u:tiger@db/x", errors.New("no answer")
		}, "history", doctor.Fail, "PostgreSQL database x at db:5432, schema holdfast, as u: no answer", "--history-url"},

		{"disk full", func(f facts) { f.Disk.Free = 100 << 20 }, "disk space", doctor.Fail, "100 MiB free", "free some"},
		{"below the mark", func(f facts) { f.FreeBytes, f.Disk.Free = 2<<30, 1<<30 }, "disk space", doctor.Fail, "refused below 2.0 GiB", "free some"},
		{"near the mark", func(f facts) { f.FreeBytes, f.Disk.Free = 1<<30, 3<<29 }, "disk space", doctor.Warn, "5,368,709 orders", "free some"},
		{"files used up", func(f facts) { f.Disk.FreeInodes = 12 }, "disk space", doctor.Warn, "12 files", "free some"},
		{"size unknown", func(f facts) { f.Disk.Total = 0 }, "disk space", doctor.OK, "unknown", ""},
		{"slow disk", func(f facts) { f.Disk.Sync = []time.Duration{ms, 30 * ms, 31 * ms} }, "disk writes", doctor.Warn, "30ms", "SSD"},
		{"disk with hiccups", func(f facts) { f.Disk.Sync = []time.Duration{ms, ms, 900 * ms} }, "disk writes", doctor.Warn, "some orders", "SSD"},
		{"disk that lies", func(f facts) { f.Disk.Sync = []time.Duration{3 * time.Microsecond} }, "disk writes", doctor.Warn, "power cut", "write cache"},
		{"memory is quick", func(f facts) { f.Disk.Type, f.Disk.Sync = "tmpfs", []time.Duration{3 * time.Microsecond} }, "disk writes", doctor.OK, "3µs", ""},
		{"not measured", func(f facts) { f.Disk.Sync = nil }, "disk writes", doctor.OK, "not measured", ""},
		{"in memory", func(f facts) { f.Disk.Type = "tmpfs" }, "file system", doctor.Warn, "nothing survives", "on a disk"},
		{"in the container", func(f facts) { f.Disk.Type = "overlayfs" }, "file system", doctor.Warn, "container", "volume"},
		{"over the network", func(f facts) { f.Disk.Type = "nfs" }, "file system", doctor.Warn, "locks", "this machine"},
		{"kind unknown", func(f facts) { f.Disk.Type = "" }, "file system", doctor.OK, "unknown", ""},

		{"few files", func(f facts) { f.HardFiles = 4096 }, "open files", doctor.Warn, "3,584 of 10,000 connections", "LimitNOFILE=65536"},
		{"fewer files than set", func(f facts) { f.HardFiles, f.Connections = 100_000, 200_000 }, "open files", doctor.Warn, "of 200,000", "LimitNOFILE=200512"},
		{"enough for what is set", func(f facts) { f.HardFiles, f.Connections = 4096, 3000 }, "open files", doctor.OK, "3,584", ""},
		{"some files", func(f facts) { f.HardFiles, f.Connections = 512, 256 }, "open files", doctor.OK, "enough for 256 connections", ""},
		{"too few files", func(f facts) { f.HardFiles = 64 }, "open files", doctor.Fail, "too few", "LimitNOFILE"},
		{"limit unknown", func(f facts) { f.HardFiles = 0 }, "open files", doctor.OK, "unknown", ""},
		{"system full of files", func(f facts) { f.SystemFilesUsed = f.SystemFiles - 100 }, "system files", doctor.Warn, "2,097,152", "fs.file-max"},
		{"few watches", func(f facts) { f.EpollWatches = 500 }, "system files", doctor.Warn, "500", "max_user_watches"},
		{"no limit of the system", func(f facts) { f.SystemFiles = 1<<63 - 1 }, "system files", doctor.OK, "no system-wide limit", ""},
		{"system unknown", func(f facts) { f.SystemFiles = doctor.Unknown }, "system files", doctor.OK, "unknown", ""},
		{"short queue", func(f facts) { f.Backlog = 128 }, "listen queue", doctor.Warn, "128", "somaxconn=4096"},
		{"short queue of half-open ones", func(f facts) { f.SynBacklog = 256 }, "listen queue", doctor.Warn, "256", "tcp_max_syn_backlog"},
		{"queue unknown", func(f facts) { f.Backlog = doctor.Unknown }, "listen queue", doctor.OK, "unknown", ""},
		{"few ports", func(f facts) { f.PortFirst = 55000 }, "local ports", doctor.Warn, "too few", "ip_local_port_range"},
		{"ports wait", func(f facts) { f.TimeWait = 20_000 }, "local ports", doctor.Warn, "20,000", "tcp_tw_reuse=1"},
		{"ports not used again", func(f facts) { f.ReuseTimeWait = 0 }, "local ports", doctor.Warn, "minute", "tcp_tw_reuse=2"},
		{"range unknown", func(f facts) { f.PortFirst = doctor.Unknown }, "local ports", doctor.OK, "unknown", ""},
		{"firewall nearly full", func(f facts) { f.TrackedMost, f.Tracked = 65_536, 60_000 }, "conntrack", doctor.Warn, "60,000", "nf_conntrack_max=262144"},
		{"firewall large", func(f facts) { f.TrackedMost, f.Tracked = 262_144, 60_000 }, "conntrack", doctor.OK, "262,144", ""},

		{"no memory", func(f facts) { f.MemoryAvailable = 64 << 20 }, "memory", doctor.Fail, "64 MiB", "stop other programs"},
		{"little memory", func(f facts) { f.MemoryAvailable = 300 << 20 }, "memory", doctor.Warn, "10,000 connections need 451 MiB", "--max-connections"},
		{"small control group", func(f facts) { f.GroupMemory = 100 << 20 }, "memory", doctor.Fail, "100 MiB", "control group"},
		{"strict kernel", func(f facts) { f.Overcommit = 2 }, "memory", doctor.Warn, "reserves", "overcommit_memory=0"},
		{"memory unknown", func(f facts) { f.MemoryAvailable, f.MemoryLimit = doctor.Unknown, 0 }, "memory", doctor.OK, "unknown", ""},
		{"limit of its own too small", func(f facts) { f.MemoryLimit = 100 << 20 }, "memory", doctor.Fail, "100 MiB", "--memory-limit"},
		{"limit beyond the group's", func(f facts) { f.GroupMemory, f.MemoryLimit, f.MemoryOrigin = 1<<30, 2<<30, "GOMEMLIMIT" }, "memory", doctor.Warn, "2.0 GiB (GOMEMLIMIT), but the control group kills it at 1.0 GiB", "leave out"},
		{"limit beyond the machine", func(f facts) { f.MemoryLimit, f.MemoryOrigin = 9<<30, "memory_limit" }, "memory", doctor.Warn, "the machine has 8.0 GiB", "leave out"},
		{"limit of the group", func(f facts) { f.GroupMemory, f.MemoryLimit, f.MemoryOrigin = 1<<30, 1<<30, "cgroup" }, "memory", doctor.OK, "the server can use 1.0 GiB (limit of the control group)", ""},
		{"more loops than processors", func(f facts) { f.EventLoops = 8 }, "processors", doctor.Warn, "8 event loops on 4 processors", "--event-loops 4"},
		{"quota below the loops", func(f facts) { f.GroupCPUs = 1.5 }, "processors", doctor.Warn, "1.5", "--event-loops 1"},
		{"quota that is enough", func(f facts) { f.GroupCPUs = 4 }, "processors", doctor.OK, "4 event loops", ""},
		{"one processor", func(f facts) { f.EventLoops, f.Processors = 1, 1 }, "processors", doctor.Warn, "1 event loop on 1 processor", "two"},

		{"clock free", func(f facts) { f.Synchronised = 0 }, "clock", doctor.Warn, "no time service", "chrony"},
		{"clock unknown", func(f facts) { f.Synchronised = doctor.Unknown }, "clock", doctor.OK, "unknown", ""},
		{"clock jumps", func(f facts) { f.ClockJump = 40 * ms }, "clock", doctor.Warn, "40ms", "chrony"},
		{"clock set back", func(f facts) { f.Now = f.Now.Add(-48 * time.Hour) }, "clock", doctor.Warn, "47h0m0s behind", "chrony"},
		{"slow source", func(f facts) { f.ClockSource = "hpet" }, "clock source", doctor.Warn, "hpet", "tsc"},
		{"source unknown", func(f facts) { f.ClockSource = "" }, "clock source", doctor.OK, "unknown", ""},
		{"no epoll", func(f facts) { f.EpollError = syscall.ENOSYS }, "kernel", doctor.Fail, "epoll", "Linux"},
		{"ancient kernel", func(f facts) { f.Kernel = "3.2.0" }, "kernel", doctor.Fail, "3.2.0", "3.9"},
		{"old kernel", func(f facts) { f.Kernel = "4.4.0-210-generic" }, "kernel", doctor.Warn, "4.4.0", "4.18"},
		{"kernel with a mark", func(f facts) { f.Kernel = "5.15-rc1" }, "kernel", doctor.OK, "5.15", ""},
		{"kernel unknown", func(f facts) { f.Kernel = "next" }, "kernel", doctor.OK, "unknown", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := healthy()
			tc.change(f)
			seen := false
			for _, got := range doctor.Examine(f).Findings {
				if got.Check != tc.check {
					continue
				}
				seen = true
				if got.Status != tc.status || !strings.Contains(got.Text, tc.text) || !strings.Contains(got.Mend, tc.mend) || (got.Mend == "") != (tc.mend == "") {
					t.Errorf("got %v: %s\n-> %s\nwant %v: %q, %q", got.Status, got.Text, got.Mend, tc.status, tc.text, tc.mend)
				}
			}
			if !seen {
				t.Errorf("no check is called %q", tc.check)
			}
		})
	}
}

// An unknown fact never fails a check.
func TestAllUnknown(t *testing.T) {
	const u = doctor.Unknown
	r := doctor.Examine(&doctor.Facts{
		Wanted:      doctor.Wanted{Listen: "127.0.0.1:1", Admin: "127.0.0.1:2", EventLoops: 2},
		SystemFiles: u, SystemFilesUsed: u, Backlog: u, SynBacklog: u, PortFirst: u, PortLast: u, ReuseTimeWait: u, TimeWait: u,
		TrackedMost: u, Tracked: u, EpollWatches: u, MemoryTotal: u, MemoryAvailable: u, GroupMemory: u, Overcommit: u,
		Processors: 2, Synchronised: u, Disk: doctor.Disk{FreeInodes: u},
	})
	for _, f := range r.Findings {
		if f.Status != doctor.OK {
			t.Errorf("%s: %v: %s", f.Check, f.Status, f.Text)
		}
	}
}

func TestReport(t *testing.T) {
	f := healthy()
	f.ListenError, f.Disk.Locked, f.Backlog = inUse(syscall.EADDRINUSE), true, 16
	r := doctor.Examine(f)
	if r.Failures() != "listen, data folder" || r.Failed != 2 || r.Warned != 1 {
		t.Errorf("%q, %d failed, %d warned", r.Failures(), r.Failed, r.Warned)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"checks":[{"check":"listen","status":"fail","finding":"127.0.0.1:8888 is in use","mend":"stop`
	if !strings.HasPrefix(string(text), want) || !strings.HasSuffix(string(text), fmt.Sprintf(`"ok":%d,"warned":1,"failed":2}`, r.OK)) {
		t.Errorf("%s", text)
	}
}
