package flame

import "strings"

// Class is a kind of work.
type Class string

// The classes, in the order of tables; Meaning describes each.
const (
	Read       Class = "read"
	Write      Class = "write"
	Poll       Class = "poll"
	Scheduling Class = "scheduling"
	Locks      Class = "locks"
	Memory     Class = "memory"
	Plumbing   Class = "plumbing" // the networking code around the system calls
	Codec      Class = "codec"
	Business   Class = "business"
	Journal    Class = "journal"
	Database   Class = "database"
	Other      Class = "other"
)

// Classes lists all classes in the order of tables.
func Classes() []Class {
	return []Class{
		Read, Write, Poll, Scheduling, Locks, Memory, Plumbing, Codec, Business, Journal, Database, Other,
	}
}

// Meaning describes the class in a few words.
func (c Class) Meaning() string { return meanings[c] }

var meanings = map[Class]string{
	Read:       "reading from clients' sockets",
	Write:      "writing to clients' sockets",
	Poll:       "asking which sockets are ready (epoll)",
	Scheduling: "Go scheduler, channels, timers, futexes",
	Locks:      "mutexes",
	Memory:     "garbage collection, allocation, stacks",
	Plumbing:   "event loops, lanes, sessions, buffers",
	Codec:      "encoding and decoding",
	Business:   "accounts, orders, prices, handlers",
	Journal:    "group commit: batches, JetStream, fsync",
	Database:   "SQLite and its files",
	Other:      "everything else",
}

// rule assigns a class to the functions whose names start with one of the names.
type rule struct {
	class Class
	names string // separated by spaces
}

// rules returns the table that Classifier searches from the top for one function.
//
// It leaves out system calls such as syscall.Write: only their callers show whether they
// write to a socket or a file of the journal or database. memmove, map access and the
// clock also count for their callers.
func rules() []rule {
	const gnet, ants = "github.com/panjf2000/gnet/v2", "github.com/panjf2000/ants/v2"
	return []rule{
		{Scheduling, gnet + "/pkg/netpoll.(*Poller).Trigger runtime.netpollBreak runtime.netpollblock runtime.netpollunblock"},
		{Poll, gnet + "/pkg/netpoll. runtime.netpoll golang.org/x/sys/unix.Epoll syscall.Epoll internal/runtime/syscall/linux.Epoll"},
		{Read, gnet + ".(*eventloop).read " + gnet + "/pkg/io.Readv net.(*conn).Read net.(*netFD).Read"},
		{Write, gnet + ".(*eventloop).write " + gnet + ".(*conn).write " + gnet + ".(*conn).Write " + gnet + "/pkg/io.Writev " +
			"net.(*conn).Write net.(*conn).writeBuffers net.(*netFD).Write net.(*netFD).writeBuffers net.(*Buffers)."},
		{Locks, "sync.(*Mutex) sync.(*RWMutex) internal/sync.(*Mutex) runtime.semacquire runtime.semrelease " + ants + "/pkg/sync."},
		{Memory, memoryNames},
		{Scheduling, schedulingNames},
		{Codec, "holdfast/codec holdfast/biz/ledger.AppendEvent holdfast/biz/ledger.DecodeEvent " +
			"google.golang.org/protobuf github.com/planetscale/vtprotobuf"},
		{Journal, "holdfast/biz/journal github.com/nats-io/ github.com/minio/highwayhash"},
		{Database, "holdfast/biz/history zombiezen.com/go/sqlite modernc.org/"},
		{Business, "holdfast/biz/"},
		{Plumbing, "holdfast/engine holdfast/pool holdfast/perf/goconn " + gnet + " " + ants + " github.com/valyala/bytebufferpool"},
	}
}

const memoryNames = "runtime.gc runtime.malloc runtime.newobject runtime.newarray runtime.makeslice runtime.growslice " +
	"runtime.makemap runtime.makechan runtime.bgsweep runtime.bgscavenge runtime.sweep runtime.deductSweepCredit " +
	"runtime.deductAssistCredit runtime.scan runtime.grey runtime.markroot runtime.spanOf runtime.findObject " +
	"runtime.tryDeferToSpanScan runtime.wbBuf runtime.wbMove runtime.wbZero runtime.bulkBarrier runtime.heapSetType " +
	"runtime.nextFreeFast runtime.profilealloc runtime.mProf runtime.persistentalloc runtime.memclrHasPointers " +
	"runtime.madvise runtime.sysUnused runtime.sysUsed runtime.sysHugePage runtime.(*mheap) runtime.(*mcache) " +
	"runtime.(*mcentral) runtime.(*mspan) runtime.(*sweepLock runtime.(*gcWork) runtime.(*gcControllerState) " +
	"runtime.(*scaveng runtime.(*pageAlloc) runtime.(*spanInlineMarkBits) runtime.(*limiterEvent) runtime.stackalloc " +
	"runtime.stackfree runtime.stackcache runtime.copystack runtime.newstack runtime.morestack runtime.shrinkstack " +
	"runtime.adjust internal/runtime/gc"

const schedulingNames = "runtime.schedule runtime.findRunnable runtime.park runtime.gopark runtime.goready runtime.ready " +
	"runtime.gosched runtime.goSched runtime.Gosched runtime.goyield runtime.gopreempt runtime.preempt runtime.asyncPreempt " +
	"runtime.goexit0 runtime.goexit1 runtime.gdestroy runtime.gogo runtime.mcall runtime.newproc runtime.gfget runtime.gfput " +
	"runtime.execute runtime.dropg runtime.casgstatus runtime.casGTo runtime.castogscanstatus runtime.runq runtime.globrunq " +
	"runtime.stealWork runtime.injectglist runtime.startm runtime.stopm runtime.startlockedm runtime.stoplockedm " +
	"runtime.mPark runtime.mstart runtime.wakep runtime.handoffp runtime.acquirep runtime.releasep runtime.pidle " +
	"runtime.resetspinning runtime.checkRunqsNoP runtime.checkTimersNoP runtime.note runtime.futex runtime.osyield " +
	"runtime.usleep runtime.sysmon runtime.retake runtime.entersyscall runtime.exitsyscall runtime.reentersyscall " +
	"runtime.chansend runtime.chanrecv runtime.closechan runtime.send runtime.recv runtime.sel runtime.notifyList " +
	"runtime.acquireSudog runtime.releaseSudog runtime.(*waitq) runtime.(*timer runtime.resetTimer runtime.stopTimer"

// Classifier returns the classes of functions and stacks. Owner: one goroutine.
type Classifier struct {
	rules []rule
	found map[string]Class // "" for functions without a rule
}

// NewClassifier returns a Classifier with the rules of this package.
func NewClassifier() *Classifier {
	return &Classifier{rules: rules(), found: make(map[string]Class)}
}

// Function returns the class of a function, named as in profiles; ok is false if the
// class depends on the caller.
func (c *Classifier) Function(name string) (class Class, ok bool) {
	class, seen := c.found[name]
	if !seen {
		class = c.find(name)
		c.found[name] = class
	}
	return class, class != ""
}

func (c *Classifier) find(name string) Class {
	for _, r := range c.rules {
		for start := range strings.FieldsSeq(r.names) {
			if strings.HasPrefix(name, start) {
				return r.class
			}
		}
	}
	return ""
}

// Stack returns the class of a stack, root first. It is the class of the function nearest
// to the leaf that has one, else Other.
func (c *Classifier) Stack(frames []string) Class {
	for i := len(frames) - 1; i >= 0; i-- {
		if class, ok := c.Function(frames[i]); ok {
			return class
		}
	}
	return Other
}
