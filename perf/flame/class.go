package flame

import "strings"

// Class is a kind of work.
type Class string

// The classes, in the order of tables.
const (
	// Read takes bytes from a client's socket.
	Read Class = "read"
	// Write gives bytes to a client's socket.
	Write Class = "write"
	// Poll asks the kernel which sockets are ready.
	Poll Class = "poll"
	// Scheduling is the Go scheduler, channels, timers, futexes, wake-ups.
	Scheduling Class = "scheduling"
	// Locks are mutexes of the program.
	Locks Class = "locks"
	// Memory is garbage collection, allocation and growing stacks.
	Memory Class = "memory"
	// Plumbing is the networking code around the system calls: loops, lanes,
	// buffers, sessions, outbox.
	Plumbing Class = "plumbing"
	// Codec encodes and decodes messages and events.
	Codec Class = "codec"
	// Business is accounts, orders, prices and their handlers.
	Business Class = "business"
	// Journal is the group commit: batches, JetStream, fsync.
	Journal Class = "journal"
	// Database is SQLite, with the files it writes.
	Database Class = "database"
	// Other is what no rule knows.
	Other Class = "other"
)

// Classes lists all classes in the order of tables.
func Classes() []Class {
	return []Class{
		Read, Write, Poll, Scheduling, Locks, Memory, Plumbing, Codec, Business, Journal, Database, Other,
	}
}

// Meaning says in a few words what belongs to the class.
func (c Class) Meaning() string {
	switch c {
	case Read:
		return "reading from clients' sockets"
	case Write:
		return "writing to clients' sockets"
	case Poll:
		return "asking which sockets are ready (epoll)"
	case Scheduling:
		return "Go scheduler, channels, timers, futexes"
	case Locks:
		return "mutexes"
	case Memory:
		return "garbage collection, allocation, stacks"
	case Plumbing:
		return "event loops, lanes, sessions, buffers"
	case Codec:
		return "encoding and decoding"
	case Business:
		return "accounts, orders, prices, handlers"
	case Journal:
		return "group commit: batches, JetStream, fsync"
	case Database:
		return "SQLite and its files"
	default:
		return "everything else"
	}
}

// rule gives a class to the functions whose names begin with one of the words.
type rule struct {
	class Class
	names string // separated by blanks
}

// rules is the table that Classify goes through, top down, for one function.
//
// There is none for syscall.Write and the like: who called them tells a socket
// from the file of a journal or a database. memmove, map access and the clock
// have none either, and so belong to who called them.
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

// Classifier knows the class of every function and stack. Owner: one goroutine.
type Classifier struct {
	rules []rule
	known map[string]Class // "" for functions that no rule knows
}

// NewClassifier returns a Classifier with the rules of this package.
func NewClassifier() *Classifier {
	return &Classifier{rules: rules(), known: make(map[string]Class)}
}

// Function returns the class of a function, named as in profiles, by itself; ok
// is false if that depends on who called it.
func (c *Classifier) Function(name string) (class Class, ok bool) {
	class, seen := c.known[name]
	if !seen {
		class = c.find(name)
		c.known[name] = class
	}
	return class, class != ""
}

func (c *Classifier) find(name string) Class {
	for _, r := range c.rules {
		for begin := range strings.FieldsSeq(r.names) {
			if strings.HasPrefix(name, begin) {
				return r.class
			}
		}
	}
	return ""
}

// Stack returns the class of a stack, root first: that of the first function
// with a class from the leaf outwards, else Other.
func (c *Classifier) Stack(frames []string) Class {
	for i := len(frames) - 1; i >= 0; i-- {
		if class, ok := c.Function(frames[i]); ok {
			return class
		}
	}
	return Other
}
