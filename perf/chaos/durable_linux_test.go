package chaos_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"holdfast/perf/chaos"
)

// escaped writes text as strace does.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString(`\x` + hex.EncodeToString([]byte{text[i]}))
	}
	return b.String()
}

// Parts of a trace: an order is written, synced, and sent; by three threads.
func stored(order string) string {
	return "1 pwrite64(3<" + escaped("/d/journal/1.blk") + `>, "` + escaped("x\x01"+order+"\x02") + "\", 18, 0) = 18\n"
}

func sent(order string) string {
	return "2 writev(8<" + escaped("socket:[1]") + `>, [{iov_base="` + escaped("y/"+order+"/") + "\", iov_len=17}], 1) = 17\n"
}

// part is a write that wrote only the first bytes.
func part(order string, size, done int) string {
	return "1 pwrite64(3<" + escaped("/d/journal/1.blk") + `>, "` + escaped("x\x01"+order) + fmt.Sprintf("\", %d, 0) = %d\n", size, done)
}

// half sends bytes and nothing else.
func half(text string) string {
	return "2 write(8<" + escaped("socket:[1]") + `>, "` + escaped(text) + fmt.Sprintf("\", %d) = %d\n", len(text), len(text))
}

// refused is a send to a full socket.
func refused(order string) string {
	return "2 write(8<" + escaped("socket:[1]") + `>, "` + escaped(order) + "\", 15) = -1 EAGAIN (Resource temporarily unavailable)\n"
}

func syncing(what string) string {
	return "3 fsync(3<" + escaped("/d/journal/1.blk") + ">" + what + "\n"
}

// marked is the write that says how far the journal is acknowledged.
func marked() string {
	return "4 pwrite64(5<" + escaped("/d/journal/mark") + `>, "` + escaped("HFM") + "\", 24, 0) = 24\n"
}

func TestOrderOfCalls(t *testing.T) {
	const a, b = "100001/00000001", "100002/00000033"
	const failed = ") = -1 EIO (Input/output error) (INJECTED)"
	cases := []struct {
		name   string
		trace  string
		shown  int
		broken string // a part of the first; "" for none
	}{
		{"in order", stored(a) + stored(b) + syncing(") = 0") + marked() + sent(a) + sent(b), 2, ""},
		{"never marked", stored(a) + syncing(") = 0") + sent(a), 0, a + " left"},
		{"the mark is not written", stored(a) + syncing(") = 0") + strings.Replace(marked(), "= 24", "= -1 EIO (Input/output error)", 1) + sent(a), 0, a + " left"},
		{"marked before it was synced", stored(a) + marked() + syncing(") = 0") + sent(a), 0, a + " left"},
		{"never sent", stored(a) + syncing(") = 0") + marked(), 0, ""},
		{"never written", sent(a), 0, a + " left"},
		{"never synced", stored(a) + sent(a), 0, a + " left"},
		{"sent first", stored(a) + sent(a) + syncing(") = 0") + marked(), 0, a + " left"},
		{"sent while the call runs", stored(a) + syncing(" <unfinished ...>") + sent(a) + "3 <... fsync resumed>) = 0\n" + marked(), 0, a + " left"},
		{"sent after it", stored(a) + syncing(" <unfinished ...>") + "3 <... fsync resumed>) = 0\n" + marked() + sent(a), 1, ""},
		{"written while the call runs", syncing(" <unfinished ...>") + stored(a) + "3 <... fsync resumed>) = 0\n" + marked() + sent(a), 0, a + " left"},
		{"another file is synced", stored(a) + "3 fsync(4<" + escaped("/d/history.db") + ">) = 0\n" + sent(a), 0, a + " left"},
		{"one of two", stored(a) + syncing(") = 0") + marked() + stored(b) + sent(a) + sent(b), 1, b + " left"},
		{"the call fails", stored(a) + syncing(failed) + sent(a), 0, "has failed"},
		{"the write is short", part(a, 17, 9) + syncing(") = 0") + marked() + sent(a), 0, a + " left"},
		{"the write is whole in two", part(a, 17, 9) + stored(a) + syncing(") = 0") + marked() + sent(a), 1, ""},
		{"sent in two parts", stored(a) + syncing(") = 0") + marked() + half(a[:5]) + half(a[5:]), 1, ""},
		{"sent too early in two parts", stored(a) + half(a[:5]) + half(a[5:]), 0, a + " left"},
		{"nothing of it has left", stored(a) + syncing(") = 0") + marked() + refused(a), 0, ""},
		{"tried too early, and nothing has left", stored(a) + refused(a), 0, a + " left"},
		{"by another call", stored(a) + strings.ReplaceAll(sent(a), "writev", "sendmmsg"), 0, a + " left"},
		{"it fails, then another succeeds", stored(a) + syncing(failed) + syncing(") = 0") + marked() + sent(a), 0, "has failed"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			broken, shown, err := chaos.OrderOfCalls(tc.trace)
			if err != nil || shown != tc.shown {
				t.Errorf("shown %d, want %d, error %v", shown, tc.shown, err)
			}
			if text := strings.Join(broken, "; "); tc.broken == "" && text != "" || !strings.Contains(text, tc.broken) {
				t.Errorf("broken %q, want %q", text, tc.broken)
			}
		})
	}
}
