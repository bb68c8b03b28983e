package goconn

import (
	"sync"

	"holdfast/engine"
)

// pusher is the Carrier of some of the connections: it writes what others send to
// their sessions, and owns what of a session belongs to the event loop.
type pusher struct {
	index int           // the engine's number of this carrier
	ended chan struct{} // closed when work has ended

	mu     sync.Mutex
	wake   sync.Cond // signalled when there is something to do
	posted []job
	ending bool
	gone   bool // nothing is taken any more

	late sync.Mutex // held by what runs after the end
}

// job is one thing to do: a batch to flush, or a function.
type job struct {
	batch *engine.Batch
	run   func()
}

func newPusher(core *engine.Core) *pusher {
	p := &pusher{ended: make(chan struct{})}
	p.wake.L = &p.mu
	p.index = core.AddDirectCarrier(p)
	return p
}

// Post implements engine.Carrier.
func (p *pusher) Post(b *engine.Batch) {
	if !p.add(job{batch: b}) {
		b.Discard()
	}
}

// do runs f on the pusher, behind everything that was posted before. When the
// pusher has ended, f runs at once, and still alone.
func (p *pusher) do(f func()) {
	if !p.add(job{run: f}) {
		p.late.Lock()
		defer p.late.Unlock()
		f()
	}
}

// add queues a job; false when the pusher has ended.
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

// work does what is posted until stop.
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

// take waits for jobs and swaps them for the slice that is done with; nil when
// the pusher is ending and there are none.
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

// stop ends the pusher when it has done what is posted.
func (p *pusher) stop() {
	p.mu.Lock()
	p.ending = true
	p.mu.Unlock()
	p.wake.Signal()
	<-p.ended
}
