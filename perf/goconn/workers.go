package goconn

import (
	"sync"

	"holdfast/engine"
)

const (
	// workerCount is how many workers execute the requests of all connections.
	workerCount = 10
	// queuedRequests is how many requests may wait for a worker. When the queue is full,
	// the readers wait, and so do their peers.
	queuedRequests = 256
)

// workers execute requests in the style readwriter. All requests of a session go to the
// same worker, which keeps their order.
type workers struct {
	queues  []chan *message
	running sync.WaitGroup
}

func startWorkers(core *engine.Core) *workers {
	w := new(workers)
	for range workerCount {
		queue := make(chan *message, queuedRequests)
		w.queues = append(w.queues, queue)
		w.running.Go(func() { work(core, queue) })
	}
	return w
}

// queueOf returns the queue for a session's requests.
func (w *workers) queueOf(s *engine.Session) chan<- *message {
	slot := uint32(s.ID())
	return w.queues[slot%workerCount]
}

// work executes the requests of the queue until it is closed.
func work(core *engine.Core, queue <-chan *message) {
	ctx := core.NewInlineContext()
	for m := range queue {
		if m.bytes == nil {
			ctx.Session = m.conn.session
			ctx.Close(m.end)
		} else {
			core.Serve(ctx, m.conn.session, m.bytes)
		}
		m.bytes = ctx.Take(nil)
		m.conn.reply(m)
		ctx.Session = nil
	}
}

// stop ends the workers after the queued requests. Nobody may send them requests any
// more.
func (w *workers) stop() {
	if w == nil {
		return
	}
	for _, queue := range w.queues {
		close(queue)
	}
	w.running.Wait()
}
