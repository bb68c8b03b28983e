package doctor_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/cmd/holdfast/doctor"
)

// machine makes a folder with proc and sys.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// wanted is a server whose data folder can't be made, so that nothing is written.
func wanted() doctor.Wanted {
	return doctor.Wanted{Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: "/dev/null/data"}
}

func TestGather(t *testing.T) {
	t.Parallel()
	f := doctor.Gather(t.Context(), wanted(), machine(t, map[string]string{
		"proc/sys/net/core/somaxconn":                                     "128\n",
		"proc/sys/net/ipv4/tcp_max_syn_backlog":                           "512\n",
		"proc/sys/net/ipv4/ip_local_port_range":                           "32768\t60999\n",
		"proc/sys/net/ipv4/tcp_tw_reuse":                                  "2\n",
		"proc/net/sockstat":                                               "sockets: used 9\nTCP: inuse 3 orphan 0 tw 77 alloc 4 mem 1\nUDP: inuse 1 mem 1\n",
		"proc/sys/net/netfilter/nf_conntrack_max":                         "65536\n",
		"proc/sys/net/netfilter/nf_conntrack_count":                       "12\n",
		"proc/sys/fs/file-max":                                            "9223372036854775807\n",
		"proc/sys/fs/file-nr":                                             "1623\t0\t2466183\n",
		"proc/sys/fs/epoll/max_user_watches":                              "5491533\n",
		"proc/sys/vm/overcommit_memory":                                   "1\n",
		"proc/sys/kernel/osrelease":                                       "6.12.0\n",
		"proc/meminfo":                                                    "MemTotal:  8000 kB\nMemFree: 1 kB\nMemAvailable:   5000 kB\n",
		"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
	}))
	got := []int64{f.Backlog, f.SynBacklog, f.PortFirst, f.PortLast, f.ReuseTimeWait, f.TimeWait, f.TrackedMost, f.Tracked,
		f.SystemFiles, f.SystemFilesUsed, f.EpollWatches, f.Overcommit, f.MemoryTotal, f.MemoryAvailable, f.GroupMemory}
	want := []int64{128, 512, 32768, 60999, 2, 77, 65536, 12,
		1<<63 - 1, 1623, 5491533, 1, 8000 << 10, 5000 << 10, doctor.Unknown}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("number %d: got %d, want %d", i, got[i], want[i])
		}
	}
	if f.Kernel != "6.12.0" || f.ClockSource != "hpet" || f.Processors < 1 || f.GroupCPUs != 0 {
		t.Errorf("%q, %q, %d processors, quota %v", f.Kernel, f.ClockSource, f.Processors, f.GroupCPUs)
	}
	if f.ListenError != nil || f.AdminError != nil || f.EpollError != nil {
		t.Error(f.ListenError, f.AdminError, f.EpollError)
	}
}

func TestGatherNothing(t *testing.T) {
	t.Parallel()
	f := doctor.Gather(t.Context(), wanted(), t.TempDir())
	for i, n := range []int64{f.Backlog, f.PortFirst, f.TimeWait, f.TrackedMost, f.SystemFiles, f.MemoryAvailable, f.GroupMemory, f.Overcommit} {
		if n != doctor.Unknown {
			t.Errorf("number %d: got %d", i, n)
		}
	}
}

func TestControlGroups(t *testing.T) {
	t.Parallel()
	const memory = "MemTotal: 8000000 kB\n"
	cases := []struct {
		name   string
		files  map[string]string
		memory int64
		cpus   float64
	}{
		{"version 2, limit above", map[string]string{
			"proc/self/cgroup":             "0::/app/inner\n",
			"sys/fs/cgroup/app/memory.max": "536870912\n", "sys/fs/cgroup/app/inner/memory.max": "max\n",
			"sys/fs/cgroup/app/cpu.max": "150000 100000\n", "sys/fs/cgroup/app/inner/cpu.max": "max 100000\n",
		}, 512 << 20, 1.5},
		{"version 2, the smallest counts", map[string]string{
			"proc/self/cgroup":             "0::/app/inner\n",
			"sys/fs/cgroup/app/memory.max": "536870912\n", "sys/fs/cgroup/app/inner/memory.max": "1073741824\n",
			"sys/fs/cgroup/app/cpu.max": "400000 100000\n", "sys/fs/cgroup/app/inner/cpu.max": "200000 100000\n",
		}, 512 << 20, 2},
		{"version 2 in a container", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n", "sys/fs/cgroup/cpu.max": "50000 100000\n",
		}, 256 << 20, 0.5},
		{"version 1", map[string]string{
			"proc/self/cgroup": "4:memory:/app\n3:cpu,cpuacct:/app\n",
			"sys/fs/cgroup/memory/app/memory.limit_in_bytes":   "268435456\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       "9223372036854771712\n",
			"sys/fs/cgroup/cpu/app/cpu.cfs_quota_us":           "300000\n",
			"sys/fs/cgroup/cpu/app/cpu.cfs_period_us":          "100000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":               "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":              "100000\n",
			"sys/fs/cgroup/memory/other/memory.limit_in_bytes": "1\n",
		}, 256 << 20, 3},
		{"no limit", map[string]string{"proc/self/cgroup": "0::/app\n", "sys/fs/cgroup/app/memory.max": "max\n", "sys/fs/cgroup/app/cpu.max": "max 100000\n"}, doctor.Unknown, 0},
		{"limit beyond the machine", map[string]string{"proc/self/cgroup": "0::/app\n", "sys/fs/cgroup/app/memory.max": "1099511627776\n"}, doctor.Unknown, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.files["proc/meminfo"] = memory
			f := doctor.Gather(t.Context(), wanted(), machine(t, tc.files))
			if f.GroupMemory != tc.memory || f.GroupCPUs != tc.cpus {
				t.Errorf("got %d bytes, %v processors; want %d, %v", f.GroupMemory, f.GroupCPUs, tc.memory, tc.cpus)
			}
		})
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := wanted()
	w.Admin = l.Addr().String()
	f := doctor.Gather(t.Context(), w, t.TempDir())
	if f.ListenError != nil || !errors.Is(f.AdminError, syscall.EADDRINUSE) {
		t.Errorf("listen %v, admin %v", f.ListenError, f.AdminError)
	}
}

// The probe writes to the folder or a parent, and leaves nothing there.
func TestDisk(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	file := filepath.Join(top, "file")
	link := filepath.Join(top, "link")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink("gone", link)); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, data, path string
		exists           bool
		err              string
	}{
		{"there", top, top, true, ""},
		{"to be made", filepath.Join(top, "a", "b"), top, false, ""},
		{"a file", file, file, true, "not a directory"},
		{"a link to nothing", link, link, true, "no such file or directory"},
		{"below such a link", filepath.Join(link, "a"), link, false, "no such file or directory"},
		{"below a file", filepath.Join(file, "a"), filepath.Join(file, "a"), true, "not a directory"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := wanted()
			w.Data = tc.data
			d := doctor.Gather(t.Context(), w, t.TempDir()).Disk
			if (d.Error != nil) != (tc.err != "") || d.Error != nil && !strings.Contains(d.Error.Error(), tc.err) {
				t.Fatalf("error %v, want %q", d.Error, tc.err)
			}
			if d.Path != tc.path || d.Exists != tc.exists && tc.err == "" {
				t.Errorf("path %s, exists %v", d.Path, d.Exists)
			}
			if tc.err == "" && (len(d.Sync) == 0 || d.Total <= 0 || d.Free <= 0 || d.Locked || d.Bound) {
				t.Errorf("%+v", d)
			}
		})
	}
	if left, err := os.ReadDir(top); err != nil || len(left) != 2 {
		t.Errorf("%v was left, %v", left, err)
	}
}

// TestTrimmedFolder: a journal without its first block file is one.
func TestTrimmedFolder(t *testing.T) {
	t.Parallel()
	w := wanted()
	w.Data = t.TempDir()
	msgs := filepath.Join(w.Data, "journal", "jetstream", "msgs")
	if err := errors.Join(os.MkdirAll(msgs, 0o700), os.WriteFile(filepath.Join(msgs, "7.blk"), []byte("7"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if d := doctor.Gather(t.Context(), w, t.TempDir()).Disk; !d.Bound || !d.Trimmed || d.SeedMatches {
		t.Errorf("%+v", d)
	}
}
