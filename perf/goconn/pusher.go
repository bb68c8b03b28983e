package goconn

import (
	"sync"

	"holdfast/engine"
)

// pusher is the Carrier of some of the connections. It writes what other goroutines send
// to their sessions, and owns the session state that the engine assigns to the event
// loop.
type pusher struct {
	index int           // number of this carrier in the engine
	ended chan struct{} // closed when work has ended

	mu     sync.Mutex
	wake   sync.Cond // signalled when there is something to do
	posted []job
	ending bool
	gone   bool // work has ended; jobs are refused

	late sync.Mutex // held by functions that run after the end
}

// job is one thing to do: a batch to flush, or a function.
type job struct {
	batch *engine.Batch
	run   func()
}

func newPusher(core *engine.Core) *pusher {
	p := &pusher{ended: make(chan struct{})}
	p.wake.L = &p.mu
	p.index = core.AddInlineCarrier(p)
	return p
}

// Post implements engine.Carrier.
func (p *pusher) Post(b *engine.Batch) {
	if !p.add(job{batch: b}) {
		b.Discard()
	}
}

// do runs f on the pusher, after everything posted earlier. If the pusher has ended, do
// calls f itself, one call at a time.
func (p *pusher) do(f func()) {
	if !p.add(job{run: f}) {
		p.late.Lock()
		defer p.late.Unlock()
		f()
	}
}

// add queues a job. It returns false if the pusher has ended.
func (p *pusher) add(j job) bool {
	p.mu.Lock()
	taken := !p.gone
	if taken {
		p.posted = append(p.posted, j)
	}
	p.mu.Unlock()
	p.wake.Signal()
	return taken
}

// work runs the posted jobs until stop.
func (p *pusher) work() {
	defer close(p.ended)
	var done []job
	for {
		jobs := p.take(done)
		if jobs == nil {
			return
		}
		for i, j := range jobs {
			if j.batch != nil {
				j.batch.Flush()
			} else {
				j.run()
			}
			jobs[i] = job{}
		}
		done = jobs[:0]
	}
}

// take waits for jobs and returns them; done is reused as the next queue. It returns nil
// if the pusher is ending and the queue is empty.
func (p *pusher) take(done []job) []job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.posted) == 0 {
		if p.ending {
			p.gone = true
			return nil
		}
		p.wake.Wait()
	}
	jobs := p.posted
	p.posted = done
	return jobs
}

// stop ends the pusher after the posted jobs.
func (p *pusher) stop() {
	p.mu.Lock()
	p.ending = true
	p.mu.Unlock()
	p.wake.Signal()
	<-p.ended
}
