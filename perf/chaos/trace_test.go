package chaos_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

func TestReadTrace(t *testing.T) {
	trace := `31 pwrite64(3<\x61\x2e\x62\x6c\x6b>, "\x61\x00\xff", 3, 0) = 3
31 fsync(3<\x61> <unfinished ...>
32 writev(8<\x73>, [{iov_base="\x61", iov_len=1}, {iov_base="\x62\x63", iov_len=2}], 2) = 3
31 <... fsync resumed>)                 = -1 EIO (Input/output error) (INJECTED)
33 +++ exited with 0 +++
strace: Process 33 attached
7  fdatasync(3<\x61>) = 0`
	got, err := chaos.ReadTrace(strings.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	want := []chaos.Call{
		{31, "pwrite64", "a.blk", "a\x00\xff", true, true, 3},
		{31, "fsync", "a", "", true, false, -1},
		{32, "writev", "s", "abc", true, true, 3},
		{31, "fsync", "", "", false, true, -1},
		{7, "fdatasync", "a", "", true, true, 0},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
