package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"holdfast/codec"
)

func churn() Fault {
	return Fault{
		Name: "churn", ID: "X3", Short: "connects, logins, subscriptions and closes, over and over",
		How:     "connects, logins, subscriptions and closes of every kind, over and over",
		Promise: "goroutines, descriptors and heap are back where they were",
		Long:    Size{Size: 100_000}, Gate: Size{Size: 4_000},
		Run: runChurn,
	}
}

// churnAtOnce is how many connections are under way at once.
const churnAtOnce = 256

// churnHeap is how much more heap may be in use at the end than after the warm-up:
// the pools keep what a busy moment needed.
const churnHeap = 8 << 20

func runChurn(ctx context.Context, r *Run) error {
	s, err := r.Start(ctx, ServerOptions{})
	if err != nil {
		return err
	}
	random := r.Random()
	if err := connectAndClose(ctx, r, s, random, 4*churnAtOnce); err != nil { // fills the pools
		return err
	}
	before, err := settledUse(ctx, s)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := connectAndClose(ctx, r, s, random, r.Size); err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := settledUse(ctx, s)
	if err != nil {
		return err
	}
	r.Figure("connections", r.Size, "")
	r.Figure("a second", float64(r.Size)/took.Seconds(), "")
	r.Figure("goroutines before", before.goroutines, "")
	r.Figure("after", after.goroutines, "")
	r.Figure("descriptors before", before.descriptors, "")
	r.Figure("then", after.descriptors, "")
	r.Figure("heap before", before.heap>>10, "KiB")
	r.Figure("at the end", after.heap>>10, "KiB")
	r.Figure("resident before", before.resident>>20, "MiB")
	r.Figure("in the end", after.resident>>20, "MiB")
	after.left(r, before)
	return nil
}

// restingWorkers is how many more goroutines may be there at the end: workers of the
// pool rest for half a minute before they end.
const restingWorkers = 4

// left says what the server has at rest, and had not before.
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

// connectAndClose makes n connections that each do one of several things and go.
func connectAndClose(ctx context.Context, r *Run, s *Server, random *rand.Rand, n int) error {
	return onThread(func() error {
		c, err := newCrowd(s.Addr, 3)
		if err != nil {
			return err
		}
		defer c.close()
		begun := 0
		subscribe := subscription()
		c.onOpen = func(m *member) { churnOpen(c, m, random, subscribe) }
		c.onFrame = func(m *member, message codec.Message) {
			if message.Command.IsReply() && message.Command != codec.CommandLogin.Reply() {
				c.leave(m, random.IntN(16) != 0)
			}
		}
		for ; begun < min(n, churnAtOnce); begun++ {
			if _, err := c.join(false); err != nil {
				return err
			}
		}
		for last := time.Now(); c.living > 0; {
			c.turn(50 * time.Millisecond)
			for _, m := range c.members {
				if m.over && begun < n {
					if err := c.again(m); err != nil {
						return err
					}
					begun++
					last = time.Now()
				}
			}
			if ctx.Err() != nil || time.Since(last) > patience {
				return fmt.Errorf("%w: %d connections were never answered", ErrTooLittle, c.living)
			}
			r.Progress(begun, n, "connections")
		}
		return nil
	})
}

// churnOpen decides what a connection does: leave at once, ask and leave, log in
// and subscribe and leave, or leave a frame half sent.
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

// use is what the server has at rest.
type use struct {
	sessions, goroutines, descriptors int
	heap, resident                    uint64
}

// settleLooks is how often the server at rest is looked at. The least of each
// figure counts: what leaked is in all of them, what came and went is not.
const settleLooks = 8

// settledUse waits until no session is left, and gives what the server has at rest.
func settledUse(ctx context.Context, s *Server) (least use, err error) {
	waitConnected(ctx, s, 0)
	for look := range settleLooks {
		if err := collectGarbage(ctx, s); err != nil {
			return least, err
		}
		u, err := readUse(ctx, s)
		if err != nil {
			return least, err
		}
		if look == 0 {
			least = u
		}
		least = use{
			sessions: min(least.sessions, u.sessions), goroutines: min(least.goroutines, u.goroutines),
			descriptors: min(least.descriptors, u.descriptors), heap: min(least.heap, u.heap), resident: min(least.resident, u.resident),
		}
		pause(ctx, 200*time.Millisecond)
	}
	return least, ctx.Err()
}

func readUse(ctx context.Context, s *Server) (use, error) {
	all, err := s.Metrics(ctx)
	if err != nil {
		return use{}, err
	}
	return use{
		sessions: int(all["holdfast_client_connected"]), goroutines: int(all["go_goroutines"]),
		descriptors: s.Descriptors(), heap: uint64(all["go_memstats_heap_alloc_bytes"]), resident: s.RSS(),
	}, nil
}

// collectGarbage has the server run its collector, which the heap profile does
// when it is asked to.
func collectGarbage(ctx context.Context, s *Server) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/debug/pprof/heap?gc=1", http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
	if err != nil {
		return fmt.Errorf("chaos: heap profile: %w", err)
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
