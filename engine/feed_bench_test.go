package engine_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/engine"
)

// feedReaders makes the test binary the clients of BenchmarkFeed: feedLoad as JSON.
const feedReaders = "HOLDFAST_TEST_FEED_READERS"

// feedLoad is what the clients of BenchmarkFeed do. They print a feedFigures as JSON.
type feedLoad struct {
	Address   string
	Sessions  int
	PerSecond int // messages in
	BodyBytes int
	Seconds   float64
}

type feedFigures struct {
	Sent, Received          int64
	P50us, P99us, MaximumUs int64
	ReplyP99us              int64
	ReadersCPU              float64 // of the clients, in cores
}

// BenchmarkFeed sends messages to a server that appends each to a feed of all its sessions,
// over real sockets: the server has the first processor for itself, the clients are another
// process on the second. Run it with -benchtime=1x.
func BenchmarkFeed(b *testing.B) {
	const seconds = 4
	for _, load := range []feedLoad{
		{Sessions: 2000, PerSecond: 1},
		{Sessions: 2000, PerSecond: 100},
		{Sessions: 2000, PerSecond: 2000},
		{Sessions: 2000, PerSecond: 4000},
		{Sessions: 2000, PerSecond: 6000},
		{Sessions: 2000, PerSecond: 8000},
		{Sessions: 10000, PerSecond: 400},
		{Sessions: 10, PerSecond: 20000},
	} {
		load.BodyBytes, load.Seconds = 50, seconds
		b.Run(fmt.Sprintf("%dx%d", load.Sessions, load.PerSecond), func(b *testing.B) {
			for b.Loop() {
				benchmarkFeed(b, load)
			}
		})
	}
}

func benchmarkFeed(b *testing.B, load feedLoad) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer pinAll(processors())
	pinAll(only(0))
	var core *engine.Core
	var feed *engine.Feed
	router := engine.NewRouter(func(c *engine.Context) {
		feed.Append(0, codec.PushChatMessage, 0, codec.Raw(c.Message.Body))
		c.Reply(codec.ResultOK, codec.Raw(c.Message.Body[:8]))
	})
	core = newCore(b, engine.Config{Router: router, OnOpen: func(s *engine.Session) {
		out := core.NewOutbox()
		feed.Join(out, s, nil)
		out.Post()
		out.Free()
	}})
	feed = core.NewFeed(engine.FeedOptions{})
	s := serve(b, core, engine.ReactorConfig{Loops: 1})
	load.Address = s.Addr
	text, err := json.Marshal(load)
	if err != nil {
		b.Fatal(err)
	}
	clients := exec.Command(os.Args[0])
	clients.Env = append(os.Environ(), feedReaders+"="+string(text))
	clients.Stderr = os.Stderr
	out, err := clients.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan() // connected
	start, from := time.Now(), cpuTime()
	var largest int
	for feed.Len() < load.Sessions {
		time.Sleep(time.Millisecond)
	}
	var rss int64
	for time.Since(start).Seconds() < load.Seconds {
		time.Sleep(50 * time.Millisecond)
		largest = max(largest, core.Load().FeedBytes)
		rss = max(rss, residentBytes(b))
	}
	cores := (cpuTime() - from).Seconds() / time.Since(start).Seconds()
	var got feedFigures
	lines.Scan()
	if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
		b.Fatal(err, lines.Text())
	}
	if err := clients.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(got.Received)/load.Seconds/1e6, "M-deliveries/s")
	b.ReportMetric(100*float64(got.Received)/float64(got.Sent*int64(load.Sessions)), "%delivered")
	b.ReportMetric(float64(got.P50us)/1000, "p50-ms")
	b.ReportMetric(float64(got.P99us)/1000, "p99-ms")
	b.ReportMetric(float64(got.MaximumUs)/1000, "max-ms")
	b.ReportMetric(float64(got.ReplyP99us)/1000, "reply-p99-ms")
	b.ReportMetric(cores, "server-cores")
	b.ReportMetric(got.ReadersCPU, "reader-cores")
	b.ReportMetric(float64(rss)/(1<<20), "MiB")
	b.ReportMetric(float64(largest)/1024, "log-KiB")
	eventually(b, "the end of the sessions", func() bool { return core.Len() == 0 })
}

func only(processor int) (set unix.CPUSet) {
	set.Set(processor)
	return set
}

// processors returns those that the process may use.
func processors() (set unix.CPUSet) {
	_ = unix.SchedGetaffinity(0, &set)
	return set
}

// pinAll pins all threads of the process.
func pinAll(set unix.CPUSet) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		var tid int
		_, _ = fmt.Sscan(t.Name(), &tid)
		_ = unix.SchedSetaffinity(tid, &set)
	}
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func residentBytes(b testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var all, resident int64
	_, _ = fmt.Sscan(string(text), &all, &resident)
	return resident * int64(os.Getpagesize())
}

// readFeed is the clients: one goroutine reads all connections, one sends.
func readFeed(text string) {
	var load feedLoad
	if err := json.Unmarshal([]byte(text), &load); err != nil {
		panic(err)
	}
	pinAll(only(1))
	r := newFeedReader(load)
	fmt.Println("connected")
	time.Sleep(500 * time.Millisecond)
	from := cpuTime()
	sent := make(chan int64)
	go func() { sent <- r.send() }()
	r.readUntil(time.Now().Add(time.Duration(load.Seconds*float64(time.Second)) + 500*time.Millisecond))
	figures := feedFigures{
		Sent:       <-sent,
		Received:   r.delays.TotalCount(),
		P50us:      r.delays.ValueAtQuantile(50),
		P99us:      r.delays.ValueAtQuantile(99),
		MaximumUs:  r.delays.Max(),
		ReplyP99us: r.replies.ValueAtQuantile(99),
		ReadersCPU: (cpuTime() - from).Seconds() / load.Seconds,
	}
	line, _ := json.Marshal(figures)
	fmt.Println(string(line))
}

type feedReader struct {
	load    feedLoad
	epoll   int
	fds     []int
	rest    map[int][]byte
	delays  *hdrhistogram.Histogram
	replies *hdrhistogram.Histogram
}

func newFeedReader(load feedLoad) *feedReader {
	r := &feedReader{load: load, rest: make(map[int][]byte), delays: hdrhistogram.New(1, 60e6, 2), replies: hdrhistogram.New(1, 60e6, 2)}
	r.epoll, _ = unix.EpollCreate1(0)
	host, port, _ := net.SplitHostPort(load.Address)
	addr := unix.SockaddrInet4{}
	copy(addr.Addr[:], net.ParseIP(host).To4())
	_, _ = fmt.Sscan(port, &addr.Port)
	for range load.Sessions {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Connect(fd, &addr)
		}
		if err != nil {
			panic(err)
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		_ = unix.SetNonblock(fd, true)
		_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
		r.fds = append(r.fds, fd)
	}
	return r
}

// send sends at the rate of the load, in steps of a millisecond, each message on the next
// connection. The first 8 bytes of a message are when it was due.
func (r *feedReader) send() (sent int64) {
	body := []byte(strings.Repeat("x", r.load.BodyBytes))
	var frame []byte
	start := time.Now()
	for {
		passed := time.Since(start).Seconds()
		if passed > r.load.Seconds {
			return sent
		}
		for ; sent < int64(passed*float64(r.load.PerSecond)); sent++ {
			binary.BigEndian.PutUint64(body, uint64(time.Now().UnixNano()))
			frame = codec.AppendRequest(frame[:0], onLane, 0, codec.Raw(body))
			_, _ = unix.Write(r.fds[int(sent*7919)%len(r.fds)], frame)
		}
		time.Sleep(time.Millisecond)
	}
}

func (r *feedReader) readUntil(end time.Time) {
	events := make([]unix.EpollEvent, 256)
	b := make([]byte, 256<<10)
	for time.Now().Before(end) {
		n, _ := unix.EpollWait(r.epoll, events, 10)
		for _, e := range events[:max(n, 0)] {
			fd := int(e.Fd)
			rest := r.rest[fd]
			copy(b, rest)
			n, err := unix.Read(fd, b[len(rest):])
			if n <= 0 {
				if err != unix.EAGAIN {
					_ = unix.EpollCtl(r.epoll, unix.EPOLL_CTL_DEL, fd, nil)
				}
				continue
			}
			r.rest[fd] = append(rest[:0], r.take(b[:len(rest)+n])...)
		}
	}
}

// take records the delays of the whole frames in b and returns the rest.
func (r *feedReader) take(b []byte) (rest []byte) {
	now := time.Now().UnixNano()
	for len(b) >= codec.PacketHeaderLen {
		n := int(binary.BigEndian.Uint32(b))
		if len(b) < n {
			break
		}
		switch codec.Command(b[4]) {
		case codec.PushChatMessage:
			due := int64(binary.BigEndian.Uint64(b[codec.PacketHeaderLen:]))
			_ = r.delays.RecordValue(max(1, (now-due)/1000))
		case onLane.Reply(): // after the result
			due := int64(binary.BigEndian.Uint64(b[codec.PacketHeaderLen+1:]))
			_ = r.replies.RecordValue(max(1, (now-due)/1000))
		}
		b = b[n:]
	}
	return b
}
