package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/perf/process"
)

func vanish() Fault {
	return Fault{
		Name: "vanish", ID: "C5", Short: "peers gone without a FIN: link down, process stopped",
		How:     "peers gone without a FIN: their network link goes down, their process is stopped",
		Promise: "the server closes vanished peers within the idle time, closes no other session, and serves the others all the time",
		Needs:   []string{"ip"}, Root: true,
		Long: Size{Rounds: 3, Size: 500}, Gate: Size{Rounds: 1, Size: 50},
		RoundsHelp: "rounds",
		SizeHelp:   "peers that vanish in each way",
		Run:        runVanish,
	}
}

// vanishIdle is the idle time of the run. vanishGrace is how much later the last peer may
// be found, because the machine is busy and the metrics lag.
const (
	vanishIdle  = 2 * time.Second
	vanishGrace = 3 * time.Second
)

func runVanish(ctx context.Context, r *Run) error {
	r.rounds(ctx, func(round int) { vanishRound(ctx, r, round) })
	return nil
}

// vanishRound makes peers vanish in both ways, beside a client that stays.
func vanishRound(ctx context.Context, r *Run, round int) {
	n := newNetwork(ctx, r, round)
	s := must(r.Start(ctx, ServerOptions{Args: []string{
		"--listen", n.host + ":0", "--allow-plaintext", "--idle-time", vanishIdle.String(), "--heartbeat", "1s", "--connections-per-address", "0",
	}}))
	defer s.Kill()
	stays, _, err := login(ctx, s.Addr, firstCustomer+50, client.Options{})
	check(err)
	defer stays.Close()
	loseLink(ctx, r, s, stays, n)
	stopProcess(ctx, r, s, stays)
}

// loseLink cuts the link of peers in another network.
func loseLink(ctx context.Context, r *Run, s *Server, stays *client.Client, n *network) {
	c := newCrowd(s.Addr, 9)
	defer c.close()
	answered := 0
	c.onOpen = func(m *member) { c.send(m, append(loginOf(m.number%50), subscription()...)) }
	c.onFrame = func(_ *member, message codec.Message) {
		if message.Command == codec.CommandQuotes.Reply() {
			answered++
		}
	}
	n.inside(func() { c.joinAll(r.Size) }) // a socket stays in the network namespace where it was created
	if !c.until(patience, func() bool { return answered == r.Size }) {
		check(fmt.Errorf("%w: %d of %d peers logged in over the link", ErrTooLittle, answered, r.Size))
	}
	ip(ctx, "link", "set", n.link, "down")
	found(ctx, r, s, stays, "link", r.Size)
}

// stopProcess stops a client process with many connections.
func stopProcess(ctx context.Context, r *Run, s *Server, stays *client.Client) {
	before := must(s.Metric(ctx, "holdfast_req_recv_total"))
	args := slices.Concat(r.Program, []string{"load", "--addr", s.Addr, "--workload", "idle",
		"--connections", strconv.Itoa(r.Size), "--duration", "1h"})
	p := must(process.Start(process.Options{Args: args, Env: r.Env}))
	defer p.Kill()
	all := func(v float64) bool { return int(v) >= r.Size+1 }
	if !s.waitMetric(ctx, "holdfast_client_connected", all) {
		check(fmt.Errorf("%w: the client process did not connect", ErrTooLittle))
	}
	// A client without a first frame is cut for another reason, and later.
	spoken := func(v float64) bool { return v >= before+float64(r.Size) }
	if !s.waitMetric(ctx, "holdfast_req_recv_total", spoken) {
		check(fmt.Errorf("%w: the client process sent no request", ErrTooLittle))
	}
	check(p.Signal(syscall.SIGSTOP))
	found(ctx, r, s, stays, "stopped process", r.Size)
}

// found waits until the server has closed the vanished peers. Meanwhile the client that
// stays must be answered and not cut.
func found(ctx context.Context, r *Run, s *Server, stays *client.Client, what string, gone int) {
	closed := func() int { return s.closedFor(ctx, "idle", "write_stall", "slow_consumer") }
	before, start := closed(), time.Now()
	var cut error
	waitUntil(ctx, patience, 20*time.Millisecond, func() bool {
		cut = stays.Heartbeat(ctx)
		return cut != nil || must(s.Metric(ctx, "holdfast_client_connected")) <= 1
	})
	if cut != nil {
		r.Broken("%s: the client that stayed: %v", what, cut)
		return
	}
	took, n := time.Since(start), closed()-before
	r.Figure(what+": peers that vanished", gone, "")
	r.Figure(what+": time until all were closed", took, fmt.Sprintf("(idle time %v)", vanishIdle))
	if n < gone {
		r.Broken("%s: only %d of %d vanished peers were found in %v", what, n, gone, rounded(took))
	} else if took > vanishIdle+vanishGrace {
		r.Broken("%s: the last vanished peer was found only after %v", what, rounded(took))
	}
	check(ctx.Err())
}

// network is a network namespace with one link to this one.
type network struct {
	host   string // address of this end
	link   string // its name
	thread int    // that holds the namespace
	ask    chan func()
	answer chan error
}

// newNetwork creates a network, which is removed at the end of the run.
func newNetwork(ctx context.Context, r *Run, number int) *network {
	random := r.Random()
	subnet := fmt.Sprintf("10.%d.%d.", 64+random.IntN(128), number%250)
	n := &network{
		host: subnet + "1", link: fmt.Sprintf("hf%dc%d", unix.Getpid()%100000, number),
		ask: make(chan func()), answer: make(chan error),
	}
	if err := n.enter(); err != nil {
		check(fmt.Errorf("%w a network namespace: %w", ErrNeeds, err))
	}
	r.Cleanup(func() error { close(n.ask); return nil })
	peer := n.link + "p"
	ip(ctx, "link", "add", n.link, "type", "veth", "peer", "name", peer, "netns", strconv.Itoa(n.thread))
	r.Cleanup(func() error {
		_ = exec.Command("ip", "link", "del", n.link).Run() // it may be gone with its other end
		return nil
	})
	up := func(link, addr string) {
		ip(ctx, "addr", "add", addr+"/24", "dev", link)
		ip(ctx, "link", "set", link, "up")
	}
	up(n.link, n.host)
	n.inside(func() { up(peer, subnet+"2") })
	return n
}

// enter creates the namespace on a thread that stays in it until it ends.
func (n *network) enter() error {
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		err := unix.Unshare(unix.CLONE_NEWNET)
		n.thread = unix.Gettid()
		entered <- err
		if err != nil {
			return
		}
		for f := range n.ask {
			n.answer <- catch(f)
		}
	}()
	return <-entered
}

// inside runs f on the thread in the namespace; processes that f starts are in it too.
func (n *network) inside(f func()) {
	n.ask <- f
	check(<-n.answer)
}

func ip(ctx context.Context, args ...string) {
	if text, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		check(fmt.Errorf("%w: ip %s: %w: %s", ErrNeeds, strings.Join(args, " "), err, text))
	}
}
