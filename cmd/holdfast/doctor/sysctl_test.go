package doctor_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/cmd/holdfast/doctor"
)

// tooSmall has a value for each setting of deploy/sysctl.d/holdfast.conf that doctor warns of.
var tooSmall = map[string]string{
	"net.core.somaxconn":             "128",
	"net.ipv4.tcp_max_syn_backlog":   "256",
	"net.ipv4.ip_local_port_range":   "55000 60999",
	"net.ipv4.tcp_tw_reuse":          "0",
	"fs.file-max":                    "10000",
	"fs.epoll.max_user_watches":      "5000",
	"vm.overcommit_memory":           "2",
	"net.netfilter.nf_conntrack_max": "10000",
}

// TestSettingsOfTheKernel: doctor reads each setting of deploy/sysctl.d/holdfast.conf, is content
// with the value there, and with another names the setting.
func TestSettingsOfTheKernel(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../deploy/sysctl.d/holdfast.conf")
	if err != nil {
		t.Fatal(err)
	}
	shipped := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "-"), " = ")
		shipped[key] = value
	}
	if keys := slices.Sorted(maps.Keys(shipped)); !slices.Equal(keys, slices.Sorted(maps.Keys(tooSmall))) {
		t.Fatalf("the file has %q, and this test others", keys)
	}
	if mends := kernelMends(t, shipped); len(mends) > 0 {
		t.Errorf("doctor warns of the values in the file: %q", mends)
	}
	for key, value := range tooSmall {
		changed := maps.Clone(shipped)
		changed[key] = value
		if mends := kernelMends(t, changed); len(mends) != 1 || !strings.Contains(mends[0], key+"=") {
			t.Errorf("%s = %s: doctor says %q", key, value, mends)
		}
	}
}

// kernelMends returns what doctor says about a machine with these settings of the kernel and
// nothing else to fix.
func kernelMends(t *testing.T, settings map[string]string) (mends []string) {
	t.Helper()
	files := make(map[string]string)
	for key, value := range settings {
		files[filepath.Join("proc/sys", strings.ReplaceAll(key, ".", "/"))] = value + "\n"
	}
	read, f := doctor.Gather(t.Context(), wanted(), machine(t, files)), healthy()
	f.Backlog, f.SynBacklog = read.Backlog, read.SynBacklog
	f.PortFirst, f.PortLast, f.ReuseTimeWait = read.PortFirst, read.PortLast, read.ReuseTimeWait
	f.SystemFiles, f.EpollWatches = read.SystemFiles, read.EpollWatches
	f.TrackedMost, f.Overcommit = read.TrackedMost, read.Overcommit
	for _, found := range doctor.Examine(f).Findings {
		if found.Status != doctor.OK {
			mends = append(mends, found.Mend)
		}
	}
	return mends
}
