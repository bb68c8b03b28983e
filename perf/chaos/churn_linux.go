package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"holdfast/codec"
	"holdfast/perf/process"
)

func churn() Fault {
	return Fault{
		Name: "churn", ID: "X3", Short: "connects, logins, subscriptions and closes, over and over",
		How:     "connects, logins, subscriptions and closes of every kind, over and over",
		Promise: "goroutines, descriptors and heap return to their numbers before the run",
		Long:    Size{Size: 100_000}, Gate: Size{Size: 4_000},
		SizeHelp: "connections",
		Run:      runChurn,
	}
}

// churnAtOnce is how many connections are open at a time.
const churnAtOnce = 256

// churnHeap is how much the heap in use may grow after the warm-up: the pools keep the
// objects of a busy moment.
const churnHeap = 8 << 20

func runChurn(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, ServerOptions{}))
	random := r.Random()
	connectAndClose(ctx, r, s, random, 4*churnAtOnce) // fills the pools
	before := useAtRest(ctx, s)
	start := time.Now()
	connectAndClose(ctx, r, s, random, r.Size)
	took := time.Since(start)
	after := useAtRest(ctx, s)
	r.Figure("connections", r.Size, "")
	r.Figure("connections a second", float64(r.Size)/took.Seconds(), "")
	r.Figure("goroutines before", before.goroutines, "")
	r.Figure("goroutines after", after.goroutines, "")
	r.Figure("open descriptors before", before.descriptors, "")
	r.Figure("open descriptors after", after.descriptors, "")
	r.Figure("heap before", before.heap>>10, "KiB")
	r.Figure("heap after", after.heap>>10, "KiB")
	r.Figure("resident memory before", before.resident>>20, "MiB")
	r.Figure("resident memory after", after.resident>>20, "MiB")
	after.left(r, before)
	return nil
}

// restingWorkers is how many more goroutines may exist at the end: idle workers of the
// pool end only after half a minute.
const restingWorkers = 4

// left reports resources that the idle server did not have before.
func (after use) left(r *Run, before use) {
	switch {
	case after.sessions != 0:
		r.Broken("%d sessions are left", after.sessions)
	case after.goroutines > before.goroutines+restingWorkers:
		r.Broken("%d goroutines, %d before", after.goroutines, before.goroutines)
	case after.descriptors > before.descriptors:
		r.Broken("%d descriptors, %d before", after.descriptors, before.descriptors)
	case after.heap > before.heap+churnHeap:
		r.Broken("%d KiB of heap, %d before", after.heap>>10, before.heap>>10)
	}
}

// connectAndClose opens n connections; each does one of several things and leaves.
func connectAndClose(ctx context.Context, r *Run, s *Server, random *rand.Rand, n int) {
	check(onThread(func() {
		c := newCrowd(s.Addr, 3)
		defer c.close()
		subscribe := subscription()
		c.onOpen = func(m *member) { churnOpen(c, m, random, subscribe) }
		c.onFrame = func(m *member, message codec.Message) {
			if message.Command.IsReply() && message.Command != codec.CommandLogin.Reply() {
				c.leave(m, random.IntN(16) != 0)
			}
		}
		started := min(n, churnAtOnce)
		c.joinAll(started)
		for last := time.Now(); c.living > 0; {
			c.poll(50 * time.Millisecond)
			for _, m := range c.members {
				if m.over && started < n {
					c.reconnect(m)
					started++
					last = time.Now()
				}
			}
			check(ctx.Err())
			if time.Since(last) > patience {
				check(fmt.Errorf("%w: %d connections were never answered", ErrTooLittle, c.living))
			}
			r.Progress(started, n, "connections")
		}
	}))
}

// churnOpen chooses what a connection does before it leaves: nothing, a request, a login
// and a subscription, or half a frame.
func churnOpen(c *crowd, m *member, random *rand.Rand, subscribe []byte) {
	switch random.IntN(5) {
	case 0:
		c.leave(m, true)
	case 1:
		c.send(m, subscribe[:7])
		c.leave(m, random.IntN(16) != 0)
	case 2:
		c.send(m, append(loginOf(random.IntN(customers)), repeat(codec.CommandPositions, 8)...))
		c.leave(m, true)
	case 3:
		c.send(m, repeat(codec.CommandConn, 1))
	default:
		c.send(m, append(loginOf(random.IntN(customers)), subscribe...))
	}
}

// use holds the resources of the idle server.
type use struct {
	sessions, goroutines, descriptors int
	heap, resident                    uint64
}

// restLooks is how often the idle server is checked. The minimum of each figure counts: a
// leak is in all of them, a short peak is not.
const restLooks = 8

// useAtRest waits until no session is left, and returns the resources of the idle server.
func useAtRest(ctx context.Context, s *Server) (least use) {
	s.waitConnected(ctx, 0)
	for look := range restLooks {
		collectGarbage(ctx, s)
		u := readUse(ctx, s)
		if look == 0 {
			least = u
		}
		least = use{
			sessions: min(least.sessions, u.sessions), goroutines: min(least.goroutines, u.goroutines),
			descriptors: min(least.descriptors, u.descriptors), heap: min(least.heap, u.heap), resident: min(least.resident, u.resident),
		}
		sleep(ctx, 200*time.Millisecond)
	}
	check(ctx.Err())
	return least
}

func readUse(ctx context.Context, s *Server) use {
	all := must(s.Metrics(ctx))
	return use{
		sessions: int(all["holdfast_client_connected"]), goroutines: int(all["go_goroutines"]),
		descriptors: process.Descriptors(s.PID), heap: uint64(all["go_memstats_heap_alloc_bytes"]), resident: process.RSS(s.PID),
	}
}

// collectGarbage makes the server collect garbage, by a request for its heap profile with
// gc=1.
func collectGarbage(ctx context.Context, s *Server) {
	request := must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/debug/pprof/heap?gc=1", http.NoBody))
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	check(err)
	defer response.Body.Close()
	must(io.Copy(io.Discard, response.Body))
}
