package flame_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"holdfast/perf/flame"
)

const (
	gnet = "github.com/panjf2000/gnet/v2"
	lane = "github.com/panjf2000/ants/v2.(*goWorker).run.func1;holdfast/engine.(*loop).work"
	conn = "holdfast/perf/goconn.(*conn).serve"
	sys  = "syscall.Syscall;syscall.RawSyscall6;internal/runtime/syscall/linux.Syscall6"
)

// stackCases are real stacks, root first and shortened.
var stackCases = []struct {
	name  string
	stack string
	want  flame.Class
}{
	{"reactor reads", gnet + ".(*eventloop).run;" + gnet + ".(*eventloop).read;golang.org/x/sys/unix.Read;" + sys, flame.Read},
	{"goroutine reads", conn + ";net.(*conn).Read;net.(*netFD).Read;internal/poll.(*FD).Read;syscall.read;" + sys, flame.Read},
	{"reactor writes", "holdfast/engine.(*Batch).Flush;" + gnet + ".(*conn).Write;" + gnet + ".(*conn).write;golang.org/x/sys/unix.Write;" + sys, flame.Write},
	{"goroutine writes", conn + ";bufio.(*Writer).Flush;net.(*conn).Write;internal/poll.(*FD).Write;syscall.write;" + sys, flame.Write},
	{"reactor polls", gnet + ".(*eventloop).run;" + gnet + "/pkg/netpoll.(*Poller).Polling;golang.org/x/sys/unix.EpollWait;" + sys, flame.Poll},
	{"runtime polls", "runtime.mcall;runtime.park_m;runtime.schedule;runtime.findRunnable;runtime.netpoll;internal/runtime/syscall/linux.EpollWait", flame.Poll},
	{"reactor is woken", gnet + ".(*eventloop).Execute;" + gnet + "/pkg/netpoll.(*Poller).Trigger;golang.org/x/sys/unix.Write;" + sys, flame.Scheduling},
	{"goroutine parks", "runtime.mcall;runtime.park_m;runtime.schedule;runtime.findRunnable;runtime.stealWork", flame.Scheduling},
	{"thread sleeps", "runtime.mstart;runtime.schedule;runtime.stopm;runtime.futexsleep;runtime.futex", flame.Scheduling},
	{"channel", conn + ";runtime.chansend1;runtime.chansend;runtime.lock2;runtime.procyield", flame.Scheduling},
	{"select", conn + ";runtime.selectgo;runtime.sellock", flame.Scheduling},
	{"way into a system call", conn + ";net.(*conn).Read;syscall.Syscall;runtime.entersyscall", flame.Scheduling},
	{"mutex", lane + ";holdfast/biz/desk.(*Account).Do;sync.(*Mutex).Lock;internal/sync.(*Mutex).lockSlow", flame.Locks},
	{"waking who waits for a mutex", lane + ";sync.(*Mutex).Unlock;runtime.semrelease1;runtime.goready;runtime.ready", flame.Scheduling},
	{"collection", "runtime.gcBgMarkWorker;runtime.gcBgMarkWorker.func2;runtime.gcDrain;runtime.scanobject", flame.Memory},
	{"allocation in a handler", lane + ";holdfast/biz/desk.(*Account).Do;runtime.newobject;runtime.mallocgc;runtime.memclrNoHeapPointers", flame.Memory},
	{"growing stack", conn + ";runtime.morestack;runtime.newstack;runtime.copystack;runtime.memmove", flame.Memory},
	{"copy into a lane", gnet + ".(*eventloop).read;holdfast/engine.(*loop).OnTraffic;runtime.memmove", flame.Plumbing},
	{"lane itself", lane, flame.Plumbing},
	{"goroutine per connection itself", conn + ";bufio.(*Reader).Read;runtime.memmove", flame.Plumbing},
	{"decoding", lane + ";holdfast/biz/gateway.(*Gateway).placeOrder;holdfast/codec/pb.(*PlaceOrderRequest).UnmarshalVTUnsafe", flame.Codec},
	{"encoding of varints", lane + ";holdfast/codec.AppendReply;github.com/planetscale/vtprotobuf/protohelpers.EncodeVarint", flame.Codec},
	{"encoding of an event", lane + ";holdfast/biz/desk.(*Turn).happened;holdfast/biz/ledger.AppendEvent;encoding/binary.AppendUvarint", flame.Codec},
	{"ledger", lane + ";holdfast/biz/ledger.(*Account).Place;holdfast/biz/ledger.index.find", flame.Business},
	{"map of a handler", lane + ";holdfast/biz/gateway.(*Gateway).instrument;runtime.mapaccess2;aeshashbody", flame.Business},
	{"group commit", "holdfast/biz/journal.(*committer).run;holdfast/biz/journal.(*draft).record;runtime.memmove", flame.Journal},
	{"journal's file, no socket", "github.com/nats-io/nats-server/v2/server.(*fileStore).flush;os.(*File).Write;internal/poll.(*FD).Write;syscall.write;" + sys, flame.Journal},
	{"journal's fsync", "github.com/nats-io/nats-server/v2/server.(*fileStore).sync;os.(*File).Sync;internal/poll.(*FD).Fsync;syscall.Fsync;" + sys, flame.Journal},
	{"history", "holdfast/biz/desk.(*projector).run;holdfast/biz/history.(*Store).Insert;runtime.memmove", flame.Database},
	{"database's fsync, no journal", lane + ";holdfast/biz/history.(*Store).Insert;modernc.org/sqlite/lib._unixSync;modernc.org/libc.Xfsync;golang.org/x/sys/unix.Fsync;" + sys, flame.Database},
	{"unknown", "main.main;net/http.(*conn).serve;crypto/sha256.block", flame.Other},
	{"name that only contains another", "example.com/holdfast/engine.f;my.runtime.gcDrain", flame.Other},
	{"nothing", "", flame.Other},
}

func TestStackClasses(t *testing.T) {
	c := flame.NewClassifier()
	reached := make(map[flame.Class]bool)
	for _, tc := range stackCases {
		t.Run(tc.name, func(t *testing.T) {
			if got := c.Stack(strings.Split(tc.stack, ";")); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
		reached[tc.want] = true
	}
	for _, class := range flame.Classes() {
		if !reached[class] {
			t.Errorf("no case for class %s", class)
		}
	}
}

func TestClassesHaveMeanings(t *testing.T) {
	var seen []string
	for _, class := range flame.Classes() {
		if slices.Contains(seen, class.Meaning()) {
			t.Errorf("%s has the meaning of another: %q", class, class.Meaning())
		}
		seen = append(seen, class.Meaning())
	}
}

func TestShares(t *testing.T) {
	shares := samples(t, map[string]int64{
		conn + ";net.(*conn).Read":                         30,
		conn + ";net.(*conn).Write":                        40,
		conn + ";holdfast/biz/ledger.(*Account).Place":     20,
		conn + ";holdfast/biz/ledger.(*Account).Place;f":   5,
		"main.main;runtime.memmove":                        5,
		"runtime.gcBgMarkWorker;runtime.gcDrain;empty one": 0,
	}).Shares()
	want := map[flame.Class]float64{flame.Read: 0.3, flame.Write: 0.4, flame.Business: 0.25, flame.Other: 0.05}
	if len(shares) != len(flame.Classes()) {
		t.Fatalf("%d shares", len(shares))
	}
	for i, s := range shares {
		if s.Class != flame.Classes()[i] || math.Abs(s.Share-want[s.Class]) > 1e-9 || s.Value != int64(math.Round(100*want[s.Class])) {
			t.Errorf("%d: %+v, want %g", i, s, want[s.Class])
		}
	}
	for _, s := range samples(t, nil).Shares() {
		if s.Share != 0 {
			t.Errorf("an empty profile has %+v", s)
		}
	}
}
