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
)

func vanish() Fault {
	return Fault{
		Name: "vanish", ID: "C5", Short: "peers gone without a FIN: link down, process stopped",
		How:     "peers gone without a FIN: their network link goes down, their process is stopped",
		Promise: "found within the idle time, and nobody else is; the others are served all the while",
		Needs:   []string{"ip"}, Root: true,
		Long: Size{Rounds: 3, Size: 500}, Gate: Size{Rounds: 1, Size: 50},
		Run: runVanish,
	}
}

// vanishIdle is the idle time of the run, vanishGrace how much later the last peer
// may be found: on a busy machine, and as the metrics show it.
const (
	vanishIdle  = 2 * time.Second
	vanishGrace = 3 * time.Second
)

func runVanish(ctx context.Context, r *Run) error {
	for round := range r.Rounds {
		if err := vanishRound(ctx, r, round); err != nil {
			return err
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	return nil
}

// vanishRound has half of the peers vanish in each of the ways, beside a client
// that stays.
func vanishRound(ctx context.Context, r *Run, round int) error {
	n, err := newNetwork(ctx, r, round)
	if err != nil {
		return err
	}
	s, err := r.Start(ctx, ServerOptions{Args: []string{
		"--listen", n.host + ":0", "--idle-time", vanishIdle.String(), "--heartbeat", "1s", "--connections-per-address", "0",
	}})
	if err != nil {
		return err
	}
	defer s.Kill()
	stays, err := client.Dial(ctx, s.Addr, client.Options{})
	if err != nil {
		return err
	}
	defer stays.Close()
	if _, err := stays.Login(ctx, firstCustomer+50, client.DemoToken(firstCustomer+50)); err != nil {
		return err
	}
	if err := loseLink(ctx, r, s, stays, n); err != nil {
		return err
	}
	return stopProcess(ctx, r, s, stays)
}

// loseLink has peers in a network of their own lose its link.
func loseLink(ctx context.Context, r *Run, s *Server, stays *client.Client, n *network) error {
	c, err := newCrowd(s.Addr, 9)
	if err != nil {
		return err
	}
	defer c.close()
	answered := 0
	c.onOpen = func(m *member) { c.send(m, append(loginOf(m.number%50), subscription()...)) }
	c.onFrame = func(_ *member, message codec.Message) {
		if message.Command == codec.CommandQuotes.Reply() {
			answered++
		}
	}
	err = n.inside(func() error { // a socket stays in the network in which it was made
		for range r.Size {
			if _, err := c.join(false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !c.until(patience, func() bool { return answered == r.Size }) {
		return fmt.Errorf("%w: %d of %d peers logged in over the link", ErrTooLittle, answered, r.Size)
	}
	if err := n.cut(ctx); err != nil {
		return err
	}
	return found(ctx, r, s, stays, "link", r.Size)
}

// stopProcess has a client process with many connections stopped.
func stopProcess(ctx context.Context, r *Run, s *Server, stays *client.Client) error {
	before, err := s.Metric(ctx, "holdfast_req_recv_total")
	if err != nil {
		return err
	}
	args := slices.Concat(r.Program[1:], []string{"load", "--addr", s.Addr, "--workload", "idle",
		"--connections", strconv.Itoa(r.Size), "--duration", "1h"})
	p := exec.Command(r.Program[0], args...)
	p.Env = append(p.Environ(), r.Env...)
	ownGroup(p)
	// On this thread, which must outlive the process: see ownGroup.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.Start(); err != nil {
		return err
	}
	defer func() {
		_ = p.Process.Kill()
		_ = p.Wait() // killed
	}()
	all := func(v float64) bool { return int(v) >= r.Size+1 }
	if !waitMetric(ctx, s, "holdfast_client_connected", all) {
		return fmt.Errorf("%w: the client process did not connect", ErrTooLittle)
	}
	// One that has not said a word is cut for that, and later.
	spoken := func(v float64) bool { return v >= before+float64(r.Size) }
	if !waitMetric(ctx, s, "holdfast_req_recv_total", spoken) {
		return fmt.Errorf("%w: the client process did not speak", ErrTooLittle)
	}
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return found(ctx, r, s, stays, "stopped process", r.Size)
}

// found waits until the server has found the peers that are gone. The one that
// stays has to be answered meanwhile, and must not be cut.
func found(ctx context.Context, r *Run, s *Server, stays *client.Client, what string, gone int) error {
	before, err := closedFor(ctx, s, "idle", "write_stall", "slow_consumer")
	if err != nil {
		return err
	}
	begin := time.Now()
	for ctx.Err() == nil && time.Since(begin) < patience {
		if err := stays.Heartbeat(ctx); err != nil {
			r.Broken("%s: the one who stayed: %v", what, err)
			return nil
		}
		if left, err := s.Metric(ctx, "holdfast_client_connected"); err != nil {
			return err
		} else if left <= 1 {
			break
		}
		pause(ctx, 20*time.Millisecond)
	}
	took := time.Since(begin)
	after, err := closedFor(ctx, s, "idle", "write_stall", "slow_consumer")
	if err != nil {
		return err
	}
	r.Figure(what+": peers", gone, "")
	r.Figure(what+": all found after", took, fmt.Sprintf("(idle time %v)", vanishIdle))
	if after-before < gone {
		r.Broken("%s: %d of %d peers that were gone were found in %v", what, after-before, gone, rounded(took))
	} else if took > vanishIdle+vanishGrace {
		r.Broken("%s: the last of the peers that were gone was found after %v", what, rounded(took))
	}
	return ctx.Err()
}

// network is a network namespace with one link to this one.
type network struct {
	host   string // address of this end
	link   string // its name
	thread int    // that holds the namespace
	ask    chan func() error
	answer chan error
}

// newNetwork makes one. It is gone with the run.
func newNetwork(ctx context.Context, r *Run, number int) (*network, error) {
	random := r.Random()
	subnet := fmt.Sprintf("10.%d.%d.", 64+random.IntN(128), number%250)
	n := &network{
		host: subnet + "1", link: fmt.Sprintf("hf%dc%d", unix.Getpid()%100000, number),
		ask: make(chan func() error), answer: make(chan error),
	}
	if err := n.enter(); err != nil {
		return nil, fmt.Errorf("%w a network namespace: %w", ErrNeeds, err)
	}
	r.Cleanup(func() error { close(n.ask); return nil })
	peer := n.link + "p"
	err := ip(ctx, "link", "add", n.link, "type", "veth", "peer", "name", peer, "netns", strconv.Itoa(n.thread))
	if err != nil {
		return nil, err
	}
	r.Cleanup(func() error {
		_ = exec.Command("ip", "link", "del", n.link).Run() // gone with its other end
		return nil
	})
	for _, args := range [][]string{
		{"addr", "add", n.host + "/24", "dev", n.link}, {"link", "set", n.link, "up"},
	} {
		if err := ip(ctx, args...); err != nil {
			return nil, err
		}
	}
	return n, n.inside(func() error {
		for _, args := range [][]string{
			{"addr", "add", subnet + "2/24", "dev", peer}, {"link", "set", peer, "up"},
		} {
			if err := ip(ctx, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// enter makes the namespace on a thread that stays in it and then ends.
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
			n.answer <- f()
		}
	}()
	return <-entered
}

// inside runs f on the thread in the namespace; what it starts is there, too.
func (n *network) inside(f func() error) error {
	n.ask <- f
	return <-n.answer
}

// cut takes the link down.
func (n *network) cut(ctx context.Context) error { return ip(ctx, "link", "set", n.link, "down") }

func ip(ctx context.Context, args ...string) error {
	if text, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: ip %s: %w: %s", ErrNeeds, strings.Join(args, " "), err, text)
	}
	return nil
}
