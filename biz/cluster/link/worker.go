package link

import (
	"sync"

	"holdfast/engine"
)

// worker is the engine's carrier of some lanes. Its one goroutine executes the requests of their
// sessions and writes their output, in the order in which both came, and owns the session state that
// the engine assigns to an event loop.
type worker struct {
	index   int             // number of this carrier in the engine
	context *engine.Context // of the requests
	ended   chan struct{}   // closed when work has ended
	written []*venueLane    // lanes with output to be sent

	mu     sync.Mutex
	wake   sync.Cond
	jobs   []job
	ending bool
	gone   bool // work has ended; jobs are refused
}

// job is one thing to do: a batch to write, entries of a lane to execute, or a function to call.
type job struct {
	batch   *engine.Batch
	lane    *venueLane
	entries []byte
	run     func()
}

func newWorker(core *engine.Core) *worker {
	w := &worker{ended: make(chan struct{})}
	w.wake.L = &w.mu
	w.index = core.AddCarrier(w)
	w.context = core.NewContext()
	return w
}

// Post implements engine.Carrier.
func (w *worker) Post(b *engine.Batch) {
	if !w.add(job{batch: b}) {
		b.Discard()
	}
}

// add queues a job. It returns false if the worker has ended.
func (w *worker) add(j job) bool {
	w.mu.Lock()
	taken := !w.gone
	if taken {
		w.jobs = append(w.jobs, j)
	}
	first := len(w.jobs) == 1
	w.mu.Unlock()
	if first {
		w.wake.Signal()
	}
	return taken
}

// work does the jobs until stop.
func (w *worker) work() {
	defer close(w.ended)
	var done []job
	for {
		jobs := w.take(done)
		if jobs == nil {
			return
		}
		for i, j := range jobs {
			switch {
			case j.batch != nil:
				j.batch.Flush()
			case j.run != nil:
				j.run()
			default:
				j.lane.serve(j.entries)
			}
			jobs[i] = job{}
		}
		for i, l := range w.written {
			l.Flush()
			l.written = false
			w.written[i] = nil
		}
		w.written = w.written[:0]
		done = jobs[:0]
	}
}

// take waits for jobs and returns them; done is reused as the next queue. It returns nil when the
// worker is ending and the queue is empty.
func (w *worker) take(done []job) []job {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.jobs) == 0 {
		if w.ending {
			w.gone = true
			return nil
		}
		w.wake.Wait()
	}
	jobs := w.jobs
	w.jobs = done
	return jobs
}

// barrier returns a channel that is closed when the jobs queued so far, and what they have posted, are
// done.
func (w *worker) barrier() <-chan struct{} {
	done := make(chan struct{})
	if !w.add(job{run: func() { w.add(job{run: func() { close(done) }}) }}) {
		close(done)
	}
	return done
}

// stop ends the worker after the queued jobs.
func (w *worker) stop() {
	w.mu.Lock()
	w.ending = true
	w.mu.Unlock()
	w.wake.Signal()
	<-w.ended
}
